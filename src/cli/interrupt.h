// SIGINT and SIGTERM as a request to stop at the next safe place; a second one ends the process at once.
#pragma once

namespace riacho::cli {

// Installs the handlers; calls of read, send and the like go on after the signal, poll() ends with EINTR.
void watch_interrupts();

// The signal that has come, or 0.
[[nodiscard]] int interrupted();

// 128 and the signal, as a shell reports a process that a signal ended.
[[nodiscard]] int exit_interrupted();

// Sleeps for so long, or until a signal comes.
void sleep_ms(int span_ms);

}  // namespace riacho::cli
