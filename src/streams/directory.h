// Directory: the streams as other services see them, through ports/.
#pragma once

#include "ports/stream_directory.h"
#include "streams/service.h"

namespace riacho::streams {

// Thread-safe; the service outlives it and the sources and sinks it returns.
class Directory final : public ports::StreamDirectory {
public:
    explicit Directory(Service& service) : service_(service) {}

    [[nodiscard]] Expected<ports::FoundStream, ports::StreamFault> find(std::string_view arn,
                                                                        const ports::StreamUser& user,
                                                                        ports::StreamAccess access) const override;
    [[nodiscard]] std::shared_ptr<ports::RecordSource> source(std::uint64_t stream_uid,
                                                              const ports::StreamUser& user) override;
    [[nodiscard]] std::shared_ptr<ports::RecordSink> sink(std::uint64_t stream_uid,
                                                          const ports::StreamUser& user) override;

private:
    Service& service_;
};

}  // namespace riacho::streams
