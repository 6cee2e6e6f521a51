#include "sql/record/json_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/try.h"

namespace riacho::sql {
namespace {

constexpr std::size_t steps_max = 32;

bool starts_with(const Path& path, const Path& prefix) {
    return path.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

Path behind(const Path& path, std::size_t count) {
    return {path.begin() + static_cast<std::ptrdiff_t>(count), path.end()};
}

// The index of the array whose elements the path enters: a [0:] with more steps behind it.
std::optional<std::size_t> inner_array(const Path& path) {
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
        if (path[i].is_array) return i;
    }
    return std::nullopt;
}

}  // namespace

Expected<Path, std::string> parse_path(std::string_view text) {
    const auto invalid = [&] {
        return fail(fmt::format("'{}' is no path: it has the form $.member.member[0:].member", text));
    };
    if (!text.starts_with('$')) return invalid();
    Path path;
    std::string_view left = text.substr(1);
    while (!left.empty()) {
        if (path.size() == steps_max) return fail(fmt::format("'{}' has more than {} steps", text, steps_max));
        if (left.starts_with("[0:]")) {
            path.push_back({true, {}});
            left.remove_prefix(4);
        } else if (left.starts_with("['") || left.starts_with("[\"")) {
            const std::size_t end = left.find(left[1], 2);
            if (end == std::string_view::npos || end + 1 >= left.size() || left[end + 1] != ']' || end == 2)
                return invalid();
            path.push_back({false, std::string(left.substr(2, end - 2))});
            left.remove_prefix(end + 2);
        } else if (left.starts_with('.')) {
            const std::size_t end = std::min(left.find_first_of(".[", 1), left.size());
            if (end == 1) return invalid();
            path.push_back({false, std::string(left.substr(1, end - 1))});
            left.remove_prefix(end);
        } else {
            return invalid();
        }
    }
    return path;
}

Expected<PathPlan, std::string> plan_paths(const RecordSchema& schema) {
    TRY(const Path row_path, parse_path(schema.row_path));
    PathPlan plan;
    const bool rows_are_elements = !row_path.empty() && row_path.back().is_array;
    Path base = row_path;
    if (rows_are_elements) {
        base.pop_back();
        plan.has_array = true;
        plan.array = base;
    }
    if (std::ranges::any_of(base, &PathStep::is_array))
        return fail(fmt::format("'{}': only one array, at the end of the path, can make rows", schema.row_path));
    std::vector<Path> paths;
    for (const RecordColumn& column : schema.columns) {
        if (column.mapping.empty()) return fail(fmt::format("Column '{}' has no Mapping", column.name));
        TRY(Path path, parse_path(column.mapping));
        // Below a row path, a path may also begin at the row.
        const auto array = inner_array(path);
        if (array && !(rows_are_elements && starts_with(path, row_path))) {
            Path to_array(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(*array));
            if (plan.has_array && to_array != plan.array)
                return fail(fmt::format("Mapping '{}': only one array of a schema can make rows", column.mapping));
            plan.has_array = true;
            plan.array = std::move(to_array);
        }
        paths.push_back(std::move(path));
    }
    Path elements = plan.array;
    elements.push_back({true, {}});
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const Path& path = paths[i];
        ColumnPath column;
        if (plan.has_array && starts_with(path, elements) && (path.size() > elements.size() || rows_are_elements)) {
            column.in_element = true;
            column.element = behind(path, elements.size());
        } else if (rows_are_elements && !starts_with(path, base)) {
            column.in_element = column.in_document = true;
            column.element = column.document = path;
        } else if (rows_are_elements && base.empty()) {
            column.in_element = column.in_document = true;
            column.element = column.document = path;
        } else {
            column.in_document = true;
            column.document = path;
            // With a row path of an object, both spellings.
            if (!rows_are_elements && !base.empty() && !starts_with(path, base)) {
                column.document = base;
                column.document.insert(column.document.end(), path.begin(), path.end());
            }
        }
        for (const Path* part : {&column.document, &column.element}) {
            if (inner_array(*part))
                return fail(fmt::format("Mapping '{}': an array inside of an array cannot make rows",
                                        schema.columns[i].mapping));
        }
        plan.columns.push_back(std::move(column));
    }
    return plan;
}

}  // namespace riacho::sql
