// Requests that two parsers could read differently are refused and end the connection: no byte that follows them is
// ever parsed as a request.
#include <gtest/gtest.h>

#include <vector>

#include "http/detail/test_support.h"

namespace riacho::http::test {
namespace {

using namespace std::string_literals;

struct Case {
    const char* what;
    std::string request;
};

std::string with_headers(const std::string& headers, const std::string& body = "") {
    return "POST /echo HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n" + body;
}
std::string chunked(const std::string& body) { return with_headers("Transfer-Encoding: chunked\r\n", body); }

std::vector<Case> ambiguous_lengths() {
    return {
        {"CL.TE", with_headers("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nX")},
        {"TE.CL", with_headers("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\nGPOST\r\n0\r\n\r\n")},
        {"CL 0 and TE", with_headers("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"TE twice", with_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"TE chunked, chunked", with_headers("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")},
        {"TE identity", with_headers("Transfer-Encoding: identity\r\n")},
        {"TE gzip", with_headers("Transfer-Encoding: gzip\r\n")},
        {"TE gzip, chunked", with_headers("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
        {"TE chunked, identity", with_headers("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")},
        {"TE chunked then other field",
         with_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n")},
        {"TE xchunked", with_headers("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
        {"TE quoted", with_headers("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")},
        {"TE with parameter", with_headers("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")},
        {"TE with vertical tab", with_headers("Transfer-Encoding: \x0b"
                                              "chunked\r\n",
                                              "0\r\n\r\n")},
        {"TE empty", with_headers("Transfer-Encoding:\r\n")},
        {"TE in 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {"CL twice, different", with_headers("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!")},
        {"CL twice, same", with_headers("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")},
        {"CL list, same", with_headers("Content-Length: 5, 5\r\n", "hello")},
        {"CL list, different", with_headers("Content-Length: 5, 6\r\n", "hello!")},
        {"CL plus", with_headers("Content-Length: +5\r\n", "hello")},
        {"CL minus", with_headers("Content-Length: -5\r\n", "hello")},
        {"CL minus zero", with_headers("Content-Length: -0\r\n")},
        {"CL hex", with_headers("Content-Length: 0x5\r\n", "hello")},
        {"CL with letters", with_headers("Content-Length: 5a\r\n", "hello")},
        {"CL with space inside", with_headers("Content-Length: 5 5\r\n", "hello")},
        {"CL empty", with_headers("Content-Length:\r\n", "hello")},
        {"CL fraction", with_headers("Content-Length: 5.0\r\n", "hello")},
        {"CL above 64 bits", with_headers("Content-Length: 18446744073709551621\r\n", "hello")},
        {"CL 100 digits", with_headers("Content-Length: " + std::string(100, '1') + "\r\n", "hello")},
    };
}

std::vector<Case> broken_lines() {
    return {
        {"bare LF after request line", "GET / HTTP/1.1\nHost: t\r\n\r\n"},
        {"bare LF after header", "GET / HTTP/1.1\r\nHost: t\n\r\n"},
        {"bare LF at the end", "GET / HTTP/1.1\r\nHost: t\r\n\n"},
        {"bare LFs everywhere", "GET / HTTP/1.1\nHost: t\n\n"},
        {"bare LF inside a value", "GET / HTTP/1.1\r\nHost: t\r\nX: a\nContent-Length: 5\r\n\r\n"},
        {"bare CR inside a value", "GET / HTTP/1.1\r\nHost: t\r\nX: a\rY: b\r\n\r\n"},
        {"bare CR in the request line", "GET /\rx HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"CR CR LF", "GET / HTTP/1.1\r\nHost: t\r\r\n\r\n"},
        {"space before colon", with_headers("Content-Length : 5\r\n", "hello")},
        {"tab before colon", with_headers("Content-Length\t: 5\r\n", "hello")},
        {"TE with space before colon", with_headers("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")},
        {"folded header", with_headers("X-Folded: a\r\n b\r\n")},
        {"folded header with tab", with_headers("X-Folded: a\r\n\tb\r\n")},
        {"folded TE", with_headers("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")},
        {"space before the first header", "GET / HTTP/1.1\r\n Host: t\r\n\r\n"},
        {"header without colon", with_headers("Content-Length 5\r\n")},
        {"header without name", with_headers(": value\r\n")},
        {"NUL in value", with_headers("X-Nul: a\0b\r\n"s)},
        {"NUL in name", with_headers("X-\0Nul: b\r\n"s)},
        {"NUL in target", "GET /\0 HTTP/1.1\r\nHost: t\r\n\r\n"s},
        {"control character in value", with_headers("X-Ctl: a\x01"
                                                    "b\r\n")},
        {"DEL in value", with_headers("X-Del: a\x7f"
                                      "b\r\n")},
        {"space in name", with_headers("X Y: b\r\n")},
        {"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n"},
    };
}

std::vector<Case> broken_requests() {
    return {
        {"no host", "GET / HTTP/1.1\r\n\r\n"},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        {"two equal hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"space at the end of the line", "GET / HTTP/1.1 \r\nHost: t\r\n\r\n"},
        {"space in target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"no target", "GET HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"relative target", "GET index.html HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"star for GET", "GET * HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"CONNECT", "CONNECT example.com:80 HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"method with a colon", "GE:T / HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"space before the method", " GET / HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"HTTP/0.9", "GET /\r\n\r\n"},
        {"lower-case version", "GET / http/1.1\r\nHost: t\r\n\r\n"},
    };
}

std::vector<Case> broken_chunks() {
    return {
        {"chunk size overflow", chunked("FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n")},
        {"chunk size wraps to 1", chunked("10000000000000001\r\nx\r\n0\r\n\r\n")},
        {"chunk size with sign", chunked("+1\r\nx\r\n0\r\n\r\n")},
        {"chunk size with minus", chunked("-1\r\nx\r\n0\r\n\r\n")},
        {"chunk size 0x", chunked("0x1\r\nx\r\n0\r\n\r\n")},
        {"chunk size empty", chunked("\r\nx\r\n0\r\n\r\n")},
        {"chunk size not hex", chunked("g\r\nx\r\n0\r\n\r\n")},
        {"chunk size with space before", chunked(" 1\r\nx\r\n0\r\n\r\n")},
        {"chunk size with space after", chunked("1 \r\nx\r\n0\r\n\r\n")},
        {"chunk size ended by LF", chunked("1\nx\r\n0\r\n\r\n")},
        {"chunk data ended by LF", chunked("1\r\nx\n0\r\n\r\n")},
        {"chunk data too long", chunked("1\r\nxy\r\n0\r\n\r\n")},
        {"chunk data not ended", chunked("1\r\nx0\r\n\r\n")},
        {"chunk extension with CR", chunked("1;a\rb\r\nx\r\n0\r\n\r\n")},
        {"chunk extension with LF", chunked("1;a\nb\r\nx\r\n0\r\n\r\n")},
        {"chunk extension without semicolon", chunked("1 a\r\nx\r\n0\r\n\r\n")},
        {"last chunk ended by LF", chunked("0\n\r\n")},
        {"trailer with bare LF", chunked("0\r\nA: b\n\r\n")},
        {"trailer without colon", chunked("0\r\nA\r\n\r\n")},
        {"trailer with space before colon", chunked("0\r\nA : b\r\n\r\n")},
        {"trailer folded", chunked("0\r\nA: b\r\n c\r\n\r\n")},
    };
}

class Smuggling : public ::testing::TestWithParam<std::vector<Case> (*)()> {};

// How the request is cut into pieces must not matter; a byte at a time is the hardest.
void send_bytes(TestClient& client, std::string_view text) {
    for (const char c : text) {
        if (!client.send({&c, 1})) return;
    }
}

TEST_P(Smuggling, ends_the_connection_with_one_400) {
    TestServer server;
    for (const Case& c : GetParam()()) {
        TestClient whole(server.server.port());
        whole.send(c.request + get("/fill?7"));
        whole.finish_sending();
        const std::string answers = whole.read_to_end();
        TestClient pieces(server.server.port());
        send_bytes(pieces, c.request + get("/fill?7"));
        pieces.finish_sending();
        const std::string again = pieces.read_to_end();
        EXPECT_EQ(again.substr(0, 13), answers.substr(0, 13)) << c.what;
        EXPECT_EQ(again.find("HTTP/1.1", 1), std::string::npos) << c.what << ": a second answer: " << again;
        EXPECT_TRUE(answers.starts_with("HTTP/1.1 400 ") || answers.starts_with("HTTP/1.1 413 "))
            << c.what << ": " << answers;
        EXPECT_EQ(answers.find("HTTP/1.1", 1), std::string::npos) << c.what << ": a second answer: " << answers;
        EXPECT_NE(answers.find("connection: close\r\n"), std::string::npos) << c.what;
    }
    EXPECT_EQ(server.handler.handled, 0);
}

INSTANTIATE_TEST_SUITE_P(Corpus, Smuggling,
                         ::testing::Values(&ambiguous_lengths, &broken_lines, &broken_requests, &broken_chunks));

TEST(SmugglingFree, the_strict_rules_still_take_what_clients_really_send) {
    TestServer server;
    const std::vector<Case> good = {
        {"TE in capitals", with_headers("Transfer-Encoding: CHUNKED\r\n", "2\r\nok\r\n0\r\n\r\n")},
        {"leading zeros in chunk size", chunked("00000002\r\nok\r\n0\r\n\r\n")},
        {"several zeros as last chunk", chunked("2\r\nok\r\n000\r\n\r\n")},
        {"upper-case hex", chunked("000000A\r\nok________\r\n0\r\n\r\n")},
        {"extension with value", chunked("2;a=b;c=\"d e\"\r\nok\r\n0\r\n\r\n")},
        {"trailers", chunked("2\r\nok\r\n0\r\nX-Checksum: 1\r\n\r\n")},
        {"no space after colon", with_headers("Content-Length:2\r\n", "ok")},
        {"spaces around value", with_headers("Content-Length:  2 \t\r\n", "ok")},
        {"leading zeros in length", with_headers("Content-Length: 002\r\n", "ok")},
        {"UTF-8 in value", with_headers("X-Name: S\xc3\xa3o\r\nContent-Length: 2\r\n", "ok")},
        {"empty value", with_headers("X-Empty:\r\nContent-Length: 2\r\n", "ok")},
    };
    for (const Case& c : good) {
        TestClient client(server.server.port());
        const TestResponse response = client.request(c.request);
        EXPECT_EQ(response.status, 200) << c.what;
        EXPECT_EQ(response.body.substr(0, 2), "ok") << c.what;
        EXPECT_EQ(client.request(post("/echo", "next")).body, "next") << c.what;
    }
}

}  // namespace
}  // namespace riacho::http::test
