#include "formats/gzip.h"

#include <zlib.h>

#if defined(RIACHO_HAS_ISAL)
#include <isa-l/igzip_lib.h>
#endif

#include <new>
#include <vector>

#include "base/check.h"

namespace riacho::formats {

class GzipCompressor::Engine {
public:
    virtual ~Engine() = default;
    // Consumes input and writes output to `out`, as far as there is room; returns the number of bytes written. Called
    // again while it fills `out`.
    virtual std::size_t step(std::string_view& input, bool is_last, char* out, std::size_t room) = 0;
    // After the last input: all output was written.
    [[nodiscard]] virtual bool is_done() const = 0;
};

namespace {

constexpr std::size_t output_step = std::size_t{64} << 10;
constexpr std::size_t input_step = std::size_t{1} << 20;

class ZlibEngine final : public GzipCompressor::Engine {
public:
    explicit ZlibEngine(int level) {
        constexpr int gzip_window_bits = 15 + 16;
        constexpr int memory_level = 8;
        const int made = deflateInit2(&stream_, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY);
        if (made == Z_MEM_ERROR) throw std::bad_alloc();
        RIACHO_CHECK(made == Z_OK);
    }
    ~ZlibEngine() override { deflateEnd(&stream_); }
    ZlibEngine(const ZlibEngine&) = delete;
    ZlibEngine& operator=(const ZlibEngine&) = delete;

    std::size_t step(std::string_view& input, bool is_last, char* out, std::size_t room) override {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
        stream_.avail_in = static_cast<uInt>(input.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = static_cast<uInt>(room);
        const int result = deflate(&stream_, is_last ? Z_FINISH : Z_NO_FLUSH);
        RIACHO_CHECK(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
        done_ = result == Z_STREAM_END;
        input.remove_prefix(input.size() - stream_.avail_in);
        return room - stream_.avail_out;
    }
    [[nodiscard]] bool is_done() const override { return done_; }

private:
    z_stream stream_{};
    bool done_ = false;
};

#if defined(RIACHO_HAS_ISAL)
class IsalEngine final : public GzipCompressor::Engine {
public:
    IsalEngine() : level_buffer_(ISAL_DEF_LVL2_DEFAULT) {
        isal_deflate_init(&stream_);
        stream_.gzip_flag = IGZIP_GZIP;
        stream_.level = 2;  // as fast as level 1 on text, and smaller
        stream_.level_buf = level_buffer_.data();
        stream_.level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
        stream_.flush = NO_FLUSH;
    }

    std::size_t step(std::string_view& input, bool is_last, char* out, std::size_t room) override {
        stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(input.data()));
        stream_.avail_in = static_cast<std::uint32_t>(input.size());
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out);
        stream_.avail_out = static_cast<std::uint32_t>(room);
        stream_.end_of_stream = is_last ? 1 : 0;
        RIACHO_CHECK(isal_deflate(&stream_) == COMP_OK);
        input.remove_prefix(input.size() - stream_.avail_in);
        return room - stream_.avail_out;
    }
    [[nodiscard]] bool is_done() const override { return stream_.internal_state.state == ZSTATE_END; }

private:
    isal_zstream stream_{};
    std::vector<std::uint8_t> level_buffer_;
};
#endif

std::unique_ptr<GzipCompressor::Engine> make_engine(GzipEffort effort) {
    if (effort == GzipEffort::small) return std::make_unique<ZlibEngine>(6);
#if defined(RIACHO_HAS_ISAL)
    return std::make_unique<IsalEngine>();
#else
    return std::make_unique<ZlibEngine>(1);
#endif
}

}  // namespace

GzipCompressor::GzipCompressor(GzipEffort effort) : engine_(make_engine(effort)) {}
GzipCompressor::~GzipCompressor() = default;
GzipCompressor::GzipCompressor(GzipCompressor&&) noexcept = default;
GzipCompressor& GzipCompressor::operator=(GzipCompressor&&) noexcept = default;

void GzipCompressor::write(std::string_view data, Buffer& out) {
    // The engines count in 32 bits.
    while (!data.empty()) {
        std::string_view input = data.substr(0, input_step);
        data.remove_prefix(input.size());
        for (std::size_t written = output_step; !input.empty() || written == output_step;) {
            char* at = out.extend(output_step);
            written = engine_->step(input, false, at, output_step);
            out.truncate(out.size() - (output_step - written));
        }
    }
}

void GzipCompressor::finish(Buffer& out) {
    std::string_view nothing;
    while (!engine_->is_done()) {
        char* at = out.extend(output_step);
        const std::size_t written = engine_->step(nothing, true, at, output_step);
        out.truncate(out.size() - (output_step - written));
    }
}

std::string_view GzipCompressor::engine(GzipEffort effort) {
#if defined(RIACHO_HAS_ISAL)
    if (effort == GzipEffort::fast) return "isa-l";
#endif
    static_cast<void>(effort);
    return "zlib";
}

}  // namespace riacho::formats
