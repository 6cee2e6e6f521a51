#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "sql/exec/operator.h"
#include "sql/record/row_encode.h"

namespace riacho::sql::exec {
namespace {

constexpr std::size_t rows_max_of_turn = 1'000;
constexpr std::size_t data_size_max = 24 * 1024;
constexpr std::size_t kinds_max = 10'000;  // of names and pumps, in a restored state

std::string hex(std::string_view bytes) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(std::min(bytes.size(), data_size_max) * 2);
    for (const char c : bytes.substr(0, data_size_max)) {
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

}  // namespace

void ErrorLog::begin_turn() {
    rows_of_turn_ = 0;
    left_out_ = 0;
}

// Counts an error; whether a row is made for it.
bool ErrorLog::count(std::string_view name, std::string_view pump, std::uint64_t rows) {
    counts_[{std::string(name), std::string(pump)}] += rows;
    if (!wanted_) return false;
    left_out_ += rows - 1;
    if (++rows_of_turn_ <= rows_max_of_turn) return true;
    ++left_out_;
    return false;
}

void ErrorLog::report(std::string_view pump, const Batch& batch, const std::vector<Column>& columns, ErrorMask& errors,
                      RowTime now) {
    if (!errors.any()) return;
    std::ranges::sort(errors.entries(), {}, &ErrorMask::Entry::row);
    last_time_ = now;
    for (const ErrorMask::Entry& entry : errors.entries()) {
        if (!count(sql_state_name(entry.state), pump, 1)) continue;
        std::string row;
        encode_json_row(batch, entry.row, columns, row);
        if (row.size() > data_size_max) {
            row.resize(data_size_max);
            row.shrink_to_fit();  // up to a thousand may wait, of rows of 512 KiB
        }
        rows_.push_back({now, std::string(sql_state_name(entry.state)),
                         fmt::format("{} (Code={})", sql_state_message(entry.state), sql_state_code(entry.state)),
                         batch.time_of(entry.row), std::move(row), std::string(pump)});
    }
    errors.clear();
}

void ErrorLog::report(std::string_view pump, const InputError& error, RowTime now) {
    last_time_ = now;
    if (!count(error.name, pump, error.count)) return;
    rows_.push_back({now, std::string(error.name), error.message, error.rowtime, error.record.substr(0, data_size_max),
                     std::string(pump)});
}

std::vector<BatchRef> ErrorLog::take(bool end_of_turn) {
    if (left_out_ > 0 && end_of_turn) {
        rows_.push_back({last_time_, "ERRORS_LEFT_OUT", fmt::format("{} more rows had errors in this turn", left_out_),
                         last_time_, "", ""});
        left_out_ = 0;
    }
    std::vector<BatchRef> batches;
    for (std::size_t from = 0; from < rows_.size(); from += batch_rows_max) {
        const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(batch_rows_max, rows_.size() - from));
        auto batch = std::make_shared<Batch>();
        auto arena = std::make_shared<Arena>();
        batch->rows = count;
        const auto times = [&](auto member, bool nullable) {
            auto vector = std::make_shared<Vector>(simple_type(Kind::timestamp, nullable), count);
            for (std::uint32_t i = 0; i < count; ++i)
                vector->values<std::int64_t>()[i] = member(rows_[from + i]).value();
            return vector;
        };
        const auto texts = [&](std::uint32_t length, auto member) {
            auto vector = std::make_shared<Vector>(varchar_type(length), count);
            for (std::uint32_t i = 0; i < count; ++i)
                vector->values<std::string_view>()[i] = arena->copy(cut_code_points(member(rows_[from + i]), length));
            return vector;
        };
        batch->rowtime = times([](const Row& row) { return row.time; }, false);
        batch->columns = {times([](const Row& row) { return row.time; }, true),
                          texts(10, [](const Row&) { return std::string_view("ERROR"); }),
                          texts(32, [](const Row& row) { return std::string_view(row.name); }),
                          texts(4096, [](const Row& row) { return std::string_view(row.message); }),
                          times([](const Row& row) { return row.rowtime; }, true),
                          texts(49152, [](const Row& row) { return hex(row.data); }),
                          texts(128, [](const Row& row) { return std::string_view(row.pump); })};
        batch->arenas.push_back(arena);
        batches.push_back(std::move(batch));
    }
    rows_.clear();
    return batches;
}

std::vector<ErrorCount> ErrorLog::counts() const {
    std::vector<ErrorCount> result;
    for (const auto& [key, count] : counts_) result.push_back({key.first, key.second, count});
    return result;
}

void ErrorLog::encode(Encoder& out) const {
    out.varint(counts_.size());
    for (const auto& [key, count] : counts_) {
        out.text(key.first);
        out.text(key.second);
        out.varint(count);
    }
}

void ErrorLog::decode(Decoder& in) {
    counts_.clear();
    const std::size_t count = in.count();
    if (count > kinds_max) in.fail();
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        std::string name(in.text());
        std::string pump(in.text());
        counts_[{std::move(name), std::move(pump)}] = in.varint();
    }
}

}  // namespace riacho::sql::exec
