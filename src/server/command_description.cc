#include "server/command_description.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace riacho::server {
namespace {

FlagDescription describe_flag(const CLI::Option& option) {
    FlagDescription flag;
    for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
    if (option.get_type_size() != 0) flag.value = option.get_type_name();
    flag.help = option.get_description();
    flag.group = option.get_group();
    return flag;
}

}  // namespace

CommandDescription describe(const CLI::App& command, std::string_view path) {
    CommandDescription description;
    description.path = path;
    description.name = command.get_name();
    description.help = command.get_description();
    description.group = command.get_group();
    description.footer = command.get_footer();
    for (const CLI::Option* option : command.get_options({})) {
        if (option->get_group().empty()) continue;
        if (option->get_positional()) {
            description.arguments.push_back({option->get_name(true, false), option->get_description(),
                                             option->get_required(), option->get_items_expected_max() > 1});
        } else {
            description.flags.push_back(describe_flag(*option));
        }
    }
    for (const CLI::App* subcommand : command.get_subcommands({})) {
        if (subcommand->get_group().empty()) continue;
        description.subcommands.push_back(describe(*subcommand, std::string(path) + " " + subcommand->get_name()));
    }
    return description;
}

std::string synopsis_of(const ArgumentDescription& argument) {
    const std::string name = argument.name + (argument.repeated ? "..." : "");
    return argument.required ? name : "[" + name + "]";
}

std::vector<std::string> choices_of(const std::string& value) {
    std::vector<std::string> choices;
    if (!value.contains('|')) return choices;
    std::size_t begin = 0;
    for (auto bar = value.find('|'); bar != std::string::npos; bar = value.find('|', begin)) {
        choices.push_back(value.substr(begin, bar - begin));
        begin = bar + 1;
    }
    choices.push_back(value.substr(begin));
    return choices;
}

std::size_t columns_of(std::string_view text) {
    // Bytes that continue a character take no column.
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        std::string_view rest = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(rest.size() + 1, text.size()));
        std::string& first = lines.emplace_back();
        std::string* line = &first;
        while (!rest.empty()) {
            // Spaces at the beginning of a line stay with its first word.
            const auto word_begin = line->empty() ? rest.find_first_not_of(' ') : 0;
            const auto space = word_begin == std::string_view::npos ? rest.size() : rest.find(' ', word_begin);
            const std::string_view word = rest.substr(0, space);
            rest.remove_prefix(std::min(word.size() + 1, rest.size()));
            if (!line->empty() && columns_of(*line) + 1 + columns_of(word) > width) line = &lines.emplace_back();
            if (!line->empty()) *line += ' ';
            *line += word;
        }
    }
    return lines;
}

}  // namespace riacho::server
