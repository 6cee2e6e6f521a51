// Video Streams in a node: its state, its operations, its upkeep and its figures.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "server/modules/module.h"
#include "server/modules/parts.h"

namespace riacho::server {

class VideoModule final : public Module {
public:
    explicit VideoModule(const Parts& parts);
    ~VideoModule() override;

    std::vector<aws::ServiceEntry> entries() override;
    void add_routes(http::Mux& mux) override;
    [[nodiscard]] std::string_view open_folder() const override;
    void on_publish(const catalog::Feed& feed) override;
    void start() override;
    void stop() override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::server
