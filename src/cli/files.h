// Files of records: line-by-line input, and output that replaces a file only when it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/descriptor.h"

namespace riacho::cli {

using core::Descriptor;

// "-" is standard input. The error is a sentence.
Expected<Descriptor, std::string> open_input(const std::string& path);

// Reads lines through its own buffer. Does not own the descriptor.
class LineReader {
public:
    enum class Step : std::uint8_t {
        line,
        last_line,  // without a newline at its end
        end,
        interrupted,  // by SIGINT or SIGTERM during a wait
        too_long,     // more than line_size_max bytes
        failed        // the reason is in errno
    };
    // The base64 text of a 10 MiB record is 14 MiB long.
    static constexpr std::size_t line_size_max = std::size_t{16} << 20;

    explicit LineReader(int fd) : fd_(fd) {}

    // Reads the next line into `line`, without its newline.
    Step next(std::string& line);
    // Whether next() finds a line, or the end, without waiting for more input.
    [[nodiscard]] bool is_ready() const;
    // Size of the lines returned so far, including newlines.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }

private:
    int fd_;
    std::string buffer_;
    std::size_t at_ = 0;
    std::uint64_t offset_ = 0;
};

// The output of an export. A regular file, or a new name, is written as NAME.partial and renamed by commit(); any other
// target (standard output, a pipe, a device) is written directly. Errors are sentences.
class Output {
public:
    // keep: append to NAME.partial; otherwise it is truncated. It is an error if another process writes the same file.
    static Expected<Output, std::string> open(const std::string& path, bool keep);
    Output(Output&&) noexcept = default;
    Output& operator=(Output&&) = delete;
    // Removes NAME.partial if nothing was written to it.
    ~Output();

    // Buffered: a full disk may be noticed by a later call.
    Expected<void, std::string> write(std::string_view text);
    Expected<void, std::string> flush();
    // The output is durable, and has its final name, when it returns.
    Expected<void, std::string> commit();
    // Truncates NAME.partial to `size` bytes and writes after them.
    Expected<void, std::string> cut_to(std::uint64_t size);

    [[nodiscard]] int fd() const { return file_.get(); }
    // NAME.partial; empty for directly written targets.
    [[nodiscard]] const std::string& partial() const { return partial_; }

private:
    Output(Descriptor file, std::string path, std::string partial)
        : file_(std::move(file)), path_(std::move(path)), partial_(std::move(partial)) {}
    [[nodiscard]] std::unexpected<std::string> problem() const;

    Descriptor file_;
    std::string path_;
    std::string partial_;
    std::string buffer_;
    bool used_ = false;
};

}  // namespace riacho::cli
