// Data Firehose in a node: its state, its operations, its pipelines and its figures.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "server/modules/module.h"
#include "server/modules/parts.h"

namespace riacho::server {

class FirehoseModule final : public Module {
public:
    explicit FirehoseModule(const Parts& parts);
    ~FirehoseModule() override;

    // Delivery streams for services that write to them; as long as the module lives.
    [[nodiscard]] ports::StreamDirectory& directory();

    std::vector<aws::ServiceEntry> entries() override;
    // firehose/flush: account, region (default: the server's own), stream.
    std::optional<Task<http::Response>> administer(core::Core& core, std::string_view path,
                                                   std::string_view body) override;
    void on_publish(const catalog::Feed& feed) override;
    void start() override;
    void stop() override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::server
