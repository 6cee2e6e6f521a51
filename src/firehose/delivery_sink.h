// Appending to delivery streams from other services of the node, through ports/: PutRecordBatch within the process.
#pragma once

#include "firehose/service.h"
#include "ports/stream_directory.h"

namespace riacho::firehose {

// Finds DirectPut streams by ARN, for writing only. Thread-safe; the service outlives it and the sinks it returns.
class DeliveryDirectory final : public ports::StreamDirectory {
public:
    explicit DeliveryDirectory(Service& service) : service_(service) {}

    // Finds streams of the user's own account; StreamFault::denied for reading, for another account's stream, and for a
    // stream with a source.
    [[nodiscard]] Expected<ports::FoundStream, ports::StreamFault> find(std::string_view arn,
                                                                        const ports::StreamUser& user,
                                                                        ports::StreamAccess access) const override;
    // Null: delivery streams cannot be read.
    [[nodiscard]] std::shared_ptr<ports::RecordSource> source(std::uint64_t stream_uid,
                                                              const ports::StreamUser& user) override;
    // Partition keys are ignored; sequence numbers are record ids as PutRecord returns them.
    [[nodiscard]] std::shared_ptr<ports::RecordSink> sink(std::uint64_t stream_uid,
                                                          const ports::StreamUser& user) override;

private:
    Service& service_;
};

}  // namespace riacho::firehose
