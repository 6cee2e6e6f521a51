// Files of records: lines read one after another, and output that replaces a file only when it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace riacho::cli {

// Owns a file descriptor.
class Descriptor {
public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

private:
    int fd_;
};

// "-" is standard input. The error is a sentence.
Expected<Descriptor, std::string> open_input(const std::string& path);

// Reads lines with a buffer of its own. Does not own the descriptor.
class LineReader {
public:
    enum class Step : std::uint8_t {
        line,
        last_line,  // without a newline behind it
        end,
        interrupted,  // by SIGINT or SIGTERM while it waited
        too_long,     // more than line_size_max bytes
        failed        // errno says why
    };
    // A record of 10 MiB is 14 MiB of base64.
    static constexpr std::size_t line_size_max = std::size_t{16} << 20;

    explicit LineReader(int fd) : fd_(fd) {}

    // Replaces `line`, without its newline.
    Step next(std::string& line);
    // Bytes of the lines returned so far, newlines included.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }

private:
    int fd_;
    std::string buffer_;
    std::size_t at_ = 0;
    std::uint64_t offset_ = 0;
};

// Where an export goes. A regular file, or a name that does not exist, is written as NAME.partial and renamed by
// commit(); anything else (standard output, a pipe, a device) is written as it comes. Errors are sentences.
class Output {
public:
    // keep: go on behind what NAME.partial holds; otherwise it begins empty. Another process that writes the same file
    // is an error.
    static Expected<Output, std::string> open(const std::string& path, bool keep);
    Output(Output&&) noexcept = default;
    Output& operator=(Output&&) = delete;
    // Removes NAME.partial if nothing was written to it.
    ~Output();

    // Buffered: a full disk may be noticed by a later call.
    Expected<void, std::string> write(std::string_view text);
    Expected<void, std::string> flush();
    // Durable, and under its name, when it returns.
    Expected<void, std::string> commit();
    // Cuts NAME.partial to so many bytes and writes behind them.
    Expected<void, std::string> cut_to(std::uint64_t size);

    [[nodiscard]] int fd() const { return file_.get(); }
    // NAME.partial; empty for what is written as it comes.
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
