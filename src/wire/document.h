// Document: a parsed request body. JSON and CBOR become the same flat list of nodes, so that the decoder handles one
// form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "wire/fwd.h"

namespace riacho::wire {

enum class NodeKind : std::uint8_t {
    null,
    boolean,
    integer,    // fits std::int64_t
    real,       // every other number
    text,       // UTF-8
    bytes,      // CBOR only
    timestamp,  // CBOR only: milliseconds since the epoch, as AWS uses tag 1
    array,
    object
};

// One value. An array is followed by its elements; an object by key (a text) and value in turns.
struct Node {
    NodeKind kind;
    bool boolean;        // of a text: base64_run() has covered it, so check_base64_end() suffices for a blob
    std::uint32_t size;  // bytes of a text, elements of an array, members of an object
    union {
        const char* text;
        std::int64_t integer;
        double real;
        std::uint64_t end;  // containers: index of the node after the last descendant
    };

    [[nodiscard]] std::string_view view() const { return {text, size}; }
    [[nodiscard]] bool is_container() const { return kind == NodeKind::array || kind == NodeKind::object; }
    [[nodiscard]] bool is_number() const { return kind == NodeKind::integer || kind == NodeKind::real; }
};
static_assert(sizeof(Node) == 16);

enum class ParseFault : std::uint8_t { syntax, too_deep, too_large, not_an_object };

// Limits far above the requests of honest clients.
inline constexpr std::size_t depth_max = 32;
inline constexpr std::size_t nodes_max_cbor = 10'000;   // a PutRecords of 500 entries has 3,500
inline constexpr std::size_t nodes_max_json = 100'000;  // a list above its length limit is still reported as that
inline constexpr std::size_t key_size_max = 256;
inline constexpr std::size_t number_size_max = 64;
inline constexpr std::size_t chunks_max = 64;  // chunks of one indefinite-length CBOR string

// Reusable: parse() replaces the content and keeps the memory, unless that is unusually large. Not thread-safe. Views
// into a document are valid until the next parse() and as long as the body.
class Document {
public:
    Document();
    Document(Document&&) noexcept;
    Document& operator=(Document&&) noexcept;
    ~Document();

    // Parses and validates the whole body. `readable_behind` bytes after the body may be read (their content does not
    // matter); with fewer than 64, JSON is copied first. AWS: spec 1.9 step 6: a body that is neither object nor array
    // is refused like a body that cannot be parsed.
    Expected<void, ParseFault> parse(Format format, std::string_view body, std::size_t readable_behind = 0);

    // An object without members, for a request without a body.
    void make_empty(Format format);
    // Adds a member to the root, which must be an object: a value that came in a request header (REST-JSON). Both texts
    // must live as long as the body.
    void add_member(std::string_view name, const Node& value);

    // nodes()[0] is the root. Only after a successful parse() or make_empty().
    [[nodiscard]] std::span<const Node> nodes() const;
    [[nodiscard]] Format format() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::wire
