#include "http/mux.h"

#include <gtest/gtest.h>

#include "core/task.h"

namespace riacho::http {
namespace {

class Silent final : public Handler {
public:
    Task<Response> handle(Request&) override { co_return Response(); }
    Response overloaded(const Request&) override {
        Response response;
        response.status = 599;
        return response;
    }
};

TEST(HttpMux, exact_paths_come_before_prefixes_and_long_prefixes_before_short_ones) {
    Silent fallback, page, folder, deep, upload;
    Mux mux(fallback);
    mux.add_prefix("GET", "/hls/", folder);
    mux.add_prefix("GET", "/hls/v1/", deep);
    mux.add_exact("GET", "/hls/v1/index", page);
    mux.add_exact("POST", "/hls/v1/index", upload);
    mux.add_exact("GET", "/health", page);
    EXPECT_EQ(&mux.find("GET", "/health"), &page);
    EXPECT_EQ(&mux.find("HEAD", "/health"), &page);
    EXPECT_EQ(&mux.find("POST", "/health"), &fallback);
    EXPECT_EQ(&mux.find("GET", "/health/"), &fallback);
    EXPECT_EQ(&mux.find("GET", "/hls/v1/index"), &page);
    EXPECT_EQ(&mux.find("POST", "/hls/v1/index"), &upload);
    EXPECT_EQ(&mux.find("GET", "/hls/v1/other"), &deep);
    EXPECT_EQ(&mux.find("GET", "/hls/"), &folder);
    EXPECT_EQ(&mux.find("GET", "/hls"), &fallback);
    EXPECT_EQ(&mux.find("PUT", "/hls/v1/other"), &fallback);
    EXPECT_EQ(&mux.find("get", "/health"), &fallback);
    EXPECT_EQ(mux.overloaded(Request()).status, 599);
}

}  // namespace
}  // namespace riacho::http
