// The text of --help.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "server/command_description.h"

namespace riacho::server {
namespace {

constexpr std::size_t width = 80;
constexpr std::size_t help_column = 29;

// "  --data-dir DIR           where everything is kept", and more lines when the help is long.
void append_entry(std::string& out, const std::string& left, std::string_view help) {
    out += "  " + left;
    std::size_t column = 2 + columns_of(left);
    if (column + 2 > help_column) {
        out += '\n';
        column = 0;
    }
    for (const std::string& line : wrapped(help, width - help_column)) {
        out += std::string(help_column - column, ' ') + line + '\n';
        column = 0;
    }
    if (help.empty()) out += '\n';
}

// The titles in the order of their first entries.
template <class Entry>
std::vector<std::string> groups_of(std::span<const Entry> entries) {
    std::vector<std::string> groups;
    for (const Entry& entry : entries) {
        if (std::ranges::find(groups, entry.group) == groups.end()) groups.push_back(entry.group);
    }
    return groups;
}

std::string usage_of(const CommandDescription& command) {
    std::string usage = "Usage: " + command.path;
    if (!command.subcommands.empty()) return usage + " SUBCOMMAND";
    usage += " [OPTIONS]";
    for (const ArgumentDescription& argument : command.arguments) {
        usage += " " + synopsis_of(argument);
    }
    return usage;
}

}  // namespace

std::string help_text(const CommandDescription& command) {
    std::string out = command.help + "\n\n" + usage_of(command) + "\n";
    if (!command.arguments.empty()) out += "\nArguments:\n";
    for (const ArgumentDescription& argument : command.arguments) append_entry(out, argument.name, argument.help);
    for (const std::string& group : groups_of(std::span(command.subcommands))) {
        out += "\n" + group + ":\n";
        for (const CommandDescription& subcommand : command.subcommands) {
            if (subcommand.group == group) append_entry(out, subcommand.name, subcommand.help);
        }
    }
    // What every command has comes last.
    std::vector<std::string> groups = groups_of(std::span(command.flags));
    if (std::erase(groups, "Options") > 0) groups.emplace_back("Options");
    for (const std::string& group : groups) {
        out += "\n" + group + ":\n";
        for (const FlagDescription& flag : command.flags) {
            if (flag.group != group) continue;
            const std::string value = flag.value.empty() ? "" : " " + flag.value;
            append_entry(out, fmt::format("{}{}", fmt::join(flag.names, ", "), value), flag.help);
        }
    }
    if (command.footer.empty()) return out;
    out += '\n';
    for (const std::string& line : wrapped(command.footer, width)) out += line + '\n';
    return out;
}

}  // namespace riacho::server
