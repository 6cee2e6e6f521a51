// Treats SIGINT and SIGTERM as a request to stop at the next safe place; a second signal ends the process at once.
#pragma once

namespace riacho::cli {

// Installs the handlers; read, send and similar calls are restarted after the signal, poll() ends with EINTR.
void watch_interrupts();

// The signal that was received, or 0.
[[nodiscard]] int interrupted();

// 128 plus the signal number, the exit code by which a shell reports a process ended by a signal.
[[nodiscard]] int exit_interrupted();

// Sleeps for span_ms, or until a signal comes.
void sleep_ms(int span_ms);

}  // namespace riacho::cli
