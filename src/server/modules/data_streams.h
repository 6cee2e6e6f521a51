// Data Streams in a node: its state, its operations, its worker and its figures.
#pragma once

#include <cstdint>
#include <memory>

#include "aws/gateway.h"
#include "server/modules/parts.h"
#include "server/node.h"

namespace riacho::server {

// Constructed, started, stopped and destroyed on the main thread, in this order.
class DataStreamsModule {
public:
    // Registers its metrics; nothing runs yet. The parts are as recovery left them.
    explicit DataStreamsModule(const Parts& parts);
    ~DataStreamsModule();

    // The streams of Config::create_streams exist when it returns. The runtime must be running.
    Expected<void, StartError> create_streams();
    // What the gateway calls; as long as the module lives.
    [[nodiscard]] aws::ServiceEntry entry();

    // Starts the worker.
    void start();
    // Ends the calls that only wait, before the HTTP server waits for them.
    void end_waits();
    // Ends the worker; no call is under way any more. Idempotent.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::server
