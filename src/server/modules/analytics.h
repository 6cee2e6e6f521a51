// Data Analytics in a node: its state, the operations of both versions, the applications that run, and their figures.
#pragma once

#include <memory>
#include <vector>

#include "server/modules/module.h"
#include "server/modules/parts.h"

namespace riacho::server {

class AnalyticsModule final : public Module {
public:
    explicit AnalyticsModule(const Parts& parts);
    ~AnalyticsModule() override;

    std::vector<aws::ServiceEntry> entries() override;
    // analytics/peek with application=NAME or ARN, stream=NAME: the last rows of an in-application stream, a line
    // {"ROWTIME":ms,"row":{..}} each.
    std::optional<Task<http::Response>> administer(core::Core& core, std::string_view path,
                                                   std::string_view body) override;
    void start() override;
    void stop() override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::server
