// The SQL of an application, compiled: parsed, bound, checked and planned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/strong.h"
#include "sql/text/issue.h"
#include "sql/types/type.h"

namespace riacho::sql {

namespace plan {
struct Plan;
}

using InputIx = Strong<struct InputIxTag, std::uint32_t>;    // of Environment::inputs
using TableIx = Strong<struct TableIxTag, std::uint32_t>;    // of Environment::tables
using StreamIx = Strong<struct StreamIxTag, std::uint32_t>;  // of Program::streams()

inline constexpr std::string_view error_stream_name = "error_stream";
inline constexpr std::size_t sql_text_max = 102'400;  // AWS: spec 2.1, ApplicationCode; characters
inline constexpr std::size_t columns_max = 1'000;     // AWS: spec 2.3, RecordColumns

struct Column {
    std::string name;  // as if quoted
    Type type;         // NOT NULL is !type.nullable
};

// An in-application input stream (S5.1). Its batches have the declared columns, followed by the implicit ones:
// APPROXIMATE_ARRIVAL_TIME TIMESTAMP, and with shard_metadata PARTITION_KEY, SEQUENCE_NUMBER and SHARD_ID.
struct InputSpec {
    std::string name;
    std::vector<Column> columns;
    bool shard_metadata = false;
};
// The declared columns and the implicit ones.
[[nodiscard]] std::vector<Column> all_columns(const InputSpec& input);

struct TableSpec {
    std::string name;
    std::vector<Column> columns;
};

struct Environment {
    std::vector<InputSpec> inputs;
    std::vector<TableSpec> tables;
    std::vector<std::string> outputs;  // streams whose rows Engine::take() returns
};

// "VARCHAR(16)", "DECIMAL(5,2)", "INT": the type of a column of a schema; NOT NULL is not part of it.
[[nodiscard]] Expected<Type, Issue> parse_type(std::string_view text);

// Checks the syntax alone, as CreateApplication does without an input.
[[nodiscard]] Expected<void, Issue> check_syntax(std::string_view text);

// Whether the word has to be quoted as a name (S10.1); in any letter case.
[[nodiscard]] bool is_reserved_word(std::string_view word);

struct StreamInfo {
    std::string name;
    std::vector<Column> columns;
    bool is_input = false;
    bool is_output = false;            // named by Environment::outputs
    std::vector<std::string> writers;  // pumps
    std::vector<std::string> readers;
};

// Programs or operators with equal fingerprints are equivalent; state refers to fingerprints.
struct Fingerprint {
    std::uint64_t value = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// Immutable and thread-safe.
class Program {
public:
    // At most 20 issues, in the order of the text.
    [[nodiscard]] static Expected<std::shared_ptr<const Program>, std::vector<Issue>> compile(std::string_view text,
                                                                                              const Environment&);
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();

    // Inputs as in the environment, then created streams in the order of the text, then error_stream.
    [[nodiscard]] std::span<const StreamInfo> streams() const;
    [[nodiscard]] std::optional<StreamIx> find_stream(std::string_view exact_name) const;
    [[nodiscard]] StreamIx error_stream() const;
    [[nodiscard]] std::string explain() const;
    // Warnings about accepted code with a possibly unexpected effect, such as STOPPED pumps.
    [[nodiscard]] std::span<const Issue> warnings() const;
    [[nodiscard]] Fingerprint fingerprint() const;
    // One flag for each of all_columns(input): what the record decoder has to produce. Columns that are not used may be
    // null pointers in the batches pushed.
    [[nodiscard]] const std::vector<bool>& columns_used(InputIx) const;

    [[nodiscard]] const plan::Plan& plan() const { return *plan_; }  // for the engine

private:
    Program();
    std::unique_ptr<const plan::Plan> plan_;
};

}  // namespace riacho::sql
