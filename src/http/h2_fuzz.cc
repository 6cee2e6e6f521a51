// Feeds input to an HTTP/2 session and answers its requests in all the ways a connection may.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "core/task.h"
#include "http/detail/h2_session.h"

namespace {

using namespace riacho;
using namespace riacho::http;

class FuzzHost final : public detail::H2Host {
public:
    MonotonicNs now() override { return MonotonicNs(now_ms * 1'000'000); }
    BodyPlan on_head(const Request& request) override {
        BodyPlan plan;
        plan.size_max = 1000;
        if (request.path().size() % 7 == 6) plan.answer.emplace();
        if (request.path().size() % 7 == 4) plan.stream = true;  // "/index.html" of the static table
        if (request.authority().size() == 1) plan.pace = Pace{.total_ms = 0, .idle_ms = 20'000, .rate_min = 0};
        return plan;
    }
    void set_origin(Request&) override {}
    std::string_view date() override { return "Mon, 23 Nov 2026 08:00:00 GMT"; }
    core::MemoryBudget& memory() override { return budget; }
    Response shed(const Request&) override {
        Response response;
        response.status = 503;
        return response;
    }
    void wake(core::Wakeup& wakeup) override { woken.push_back(&wakeup); }
    void count(Event) override {}

    static core::MemoryBudget::Shares shares() {
        core::MemoryBudget::Shares shares;
        shares.fill(300'000);
        return shares;
    }

    std::int64_t now_ms = 0;
    core::MemoryBudget budget{shares()};
    std::vector<core::Wakeup*> woken;
};

struct Sent final : core::Wakeup {
    void run() noexcept override {}
};

// A task on a stream that streams its response in two pieces.
struct Producer {
    detail::H2Stream* stream;
    Sent sent;
    int pieces = 0;
};

// A task on a stream whose body it reads.
struct Upload {
    detail::H2Stream* stream;
    Sent more;
    bool waiting = false;
};

class Fuzzer {
public:
    Fuzzer() {
        options_.header_block_size_max = 2000;
        options_.response_size_small = 5000;
    }
    ~Fuzzer() {
        session_.close_streams();
        for (Producer* producer : producers_) finish(producer);
        for (Upload*& upload : uploads_) {
            if (upload == nullptr) continue;
            RIACHO_CHECK(session_.read(*upload->stream)->kind == BodyPiece::Kind::broken);
            finish(upload);
        }
        host_.woken.clear();
    }
    Fuzzer(const Fuzzer&) = delete;
    Fuzzer& operator=(const Fuzzer&) = delete;
    void run(std::string_view input) {
        const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
        session_.feed(preface);
        while (!input.empty()) {
            const auto control = static_cast<unsigned char>(input.front());
            input.remove_prefix(1);
            const std::size_t take = std::min<std::size_t>(input.size(), 1U + control);
            const bool fine = session_.feed(input.substr(0, take));
            input.remove_prefix(take);
            answer(control);
            host_.now_ms += control % 5 == 0 ? 7'000 : 1;
            if (control % 11 == 0) session_.sweep(host_.now());
            if (control == 200) session_.begin_shutdown();
            while (!session_.pull().empty()) {
            }
            advance_producers();
            advance_uploads(control);
            if (!fine || session_.is_done()) return;
        }
    }

private:
    void answer(unsigned char control) {
        for (detail::H2Stream* stream : session_.take_ready()) {
            Response response;
            response.headers.add("x-fuzz", "1");
            if (stream->is_streamed()) {
                if (control % 2 == 0) (void)session_.respond(*stream, std::move(response));
                uploads_.push_back(new Upload{.stream = stream, .more = {}, .waiting = false});
                continue;
            }
            check(stream->request());
            if (control % 3 == 0) {
                response.producer = [](BodyWriter&) -> Task<void> { co_return; };
                if (!session_.respond(*stream, std::move(response))) {
                    session_.release(*stream);
                    continue;
                }
                auto* producer = new Producer{.stream = stream, .sent = {}, .pieces = 0};
                producers_.push_back(producer);
                write(producer);
            } else {
                response.body.append(std::string(control * 100U, 'b'));
                (void)session_.respond(*stream, std::move(response));
                session_.release(*stream);
            }
        }
    }
    static void check(const Request& request) {
        RIACHO_CHECK(!request.path().empty() && request.body().size() <= 1000);
        // AddressSanitizer checks these reads.
        for (std::size_t i = 0; i < request.body().size() + Request::body_padding; ++i) {
            [[maybe_unused]] const volatile char c = request.body().data()[i];
        }
    }
    void write(Producer* producer) {
        ++producer->pieces;
        if (!session_.begin_write(*producer->stream, text_, producer->sent)) producer->pieces = 3;
    }
    void advance_producers() {
        for (core::Wakeup* wakeup : std::exchange(host_.woken, {})) {
            for (Upload* upload : uploads_) {
                if (upload != nullptr && &upload->more == wakeup) upload->waiting = false;
            }
            for (Producer*& producer : producers_) {
                if (producer == nullptr || &producer->sent != wakeup) continue;
                if (producer->pieces < 2) {
                    write(producer);
                } else {
                    finish(std::exchange(producer, nullptr));
                }
            }
        }
    }
    void advance_uploads(unsigned char control) {
        for (Upload*& upload : uploads_) {
            for (int reads = control % 4; upload != nullptr && !upload->waiting && reads > 0; --reads) {
                const auto piece = session_.read(*upload->stream);
                if (!piece) {
                    upload->waiting = true;
                    session_.wait_to_read(*upload->stream, upload->more, (host_.now_ms + 5'000) * 1'000'000);
                } else if (piece->kind == BodyPiece::Kind::data) {
                    RIACHO_CHECK(!piece->data.empty() && piece->data.size() <= 1000);
                    for (const char& c : piece->data) [[maybe_unused]]
                        const volatile char seen = c;
                } else {
                    finish(upload);
                }
            }
        }
    }
    void finish(Upload*& upload) {
        Response response;
        (void)session_.respond(*upload->stream, std::move(response));
        session_.release(*upload->stream);
        delete std::exchange(upload, nullptr);
    }
    void finish(Producer* producer) {
        if (producer == nullptr) return;
        session_.end_write(*producer->stream);
        session_.release(*producer->stream);
        delete producer;
    }

    ServerOptions options_;
    FuzzHost host_;
    detail::H2Session session_{options_, host_};
    std::vector<Producer*> producers_;
    std::vector<Upload*> uploads_;
    const std::string text_ = std::string(30'000, 't');
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Fuzzer fuzzer;
    fuzzer.run({reinterpret_cast<const char*>(data), size});
    return 0;
}
