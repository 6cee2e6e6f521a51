// Data Streams in a node: its state, its operations, its worker and its figures.
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

    // The streams of Config::create_streams exist when it returns. The runtime must be running.
    Expected<void, StartError> create_streams();

    // The streams for other services; as long as the module lives.
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
