// Delivery streams for other services of the node, through ports/: what PutRecordBatch does, in the process.
#pragma once

#include "firehose/service.h"
#include "ports/stream_directory.h"

namespace riacho::firehose {

// Finds DirectPut streams by ARN, for writing alone. Thread-safe; the service outlives it and what it gives.
class DeliveryDirectory final : public ports::StreamDirectory {
public:
    explicit DeliveryDirectory(Service& service) : service_(service) {}

    // Streams of the user's own account; StreamFault::denied for reading, for another account's, and for one that has a
    // source.
    [[nodiscard]] Expected<ports::FoundStream, ports::StreamFault> find(std::string_view arn,
                                                                        const ports::StreamUser& user,
                                                                        ports::StreamAccess access) const override;
    // Null: delivery streams are not read.
    [[nodiscard]] std::shared_ptr<ports::RecordSource> source(std::uint64_t stream_uid,
                                                              const ports::StreamUser& user) override;
    // Partition keys are left out; sequence numbers are ids as PutRecord gives them.
    [[nodiscard]] std::shared_ptr<ports::RecordSink> sink(std::uint64_t stream_uid,
                                                          const ports::StreamUser& user) override;

private:
    Service& service_;
};

}  // namespace riacho::firehose
