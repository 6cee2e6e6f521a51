// DataStreamsModule: the state, operations, worker and metrics of Data Streams in a node.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "server/modules/module.h"
#include "server/modules/parts.h"
#include "server/node.h"

namespace riacho::ports {
class StreamDirectory;
}

namespace riacho::server {

class DataStreamsModule final : public Module {
public:
    explicit DataStreamsModule(const Parts& parts);
    ~DataStreamsModule() override;

    // Creates the streams of Config::create_streams. The runtime must be running.
    Expected<void, StartError> create_streams();

    // The directory of streams for other services; valid as long as the module lives.
    [[nodiscard]] ports::StreamDirectory& directory();

    std::vector<aws::ServiceEntry> entries() override;
    void on_publish(const catalog::Feed& feed) override;
    void start() override;
    void end_waits() override;
    void stop() override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::server
