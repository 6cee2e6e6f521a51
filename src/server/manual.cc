// The manual page riacho(1).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/exit_code.h"
#include "server/command_description.h"

namespace riacho::server {
namespace {

// Text of roff: hyphens stay hyphens, and a line that begins with a dot or a quote is no request.
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
        if (c == '-') {
            out += "\\-";
        } else if (c == '\\') {
            out += "\\e";
        } else {
            out += c;
        }
    }
    return out;
}

void append_entry(std::string& out, std::string_view title, std::string_view text) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(title), roff(text));
}

void append_command(std::string& out, const CommandDescription& command) {
    for (const CommandDescription& subcommand : command.subcommands) append_command(out, subcommand);
    if (!command.subcommands.empty()) return;
    std::string synopsis = command.path;
    for (const ArgumentDescription& argument : command.arguments) {
        synopsis += " " + synopsis_of(argument);
    }
    out += fmt::format(".SS {}\n{}.\n", roff(synopsis), roff(command.help));
    for (const ArgumentDescription& argument : command.arguments) append_entry(out, argument.name, argument.help);
    for (const FlagDescription& flag : command.flags) {
        if (flag.group == "Options" && flag.value.empty()) continue;  // --help, which every command has
        append_entry(out, fmt::format("{}{}{}", fmt::join(flag.names, ", "), flag.value.empty() ? "" : " ", flag.value),
                     flag.help);
    }
    if (!command.footer.empty()) out += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(command.footer));
}

struct Code {
    int code;
    std::string_view meaning;
};
constexpr std::array codes = {
    Code{exit_ok, "Ended as asked."},
    Code{exit_failure, "A client command got an error."},
    Code{exit_locked, "The data directory is in use by another process."},
    Code{exit_usage, "A flag that does not exist, or a value it cannot have."},
    Code{exit_damaged, "Data on disk is damaged, or a later version wrote the catalog."},
    Code{exit_keyring, "The key file is missing, unreadable, or not the one the data was written with."},
    Code{exit_unavailable, "The address cannot be listened on, or no server runs where one is needed."},
    Code{exit_io, "The disk failed; the next start reads what is really on it."},
    Code{exit_configuration, "The configuration or the data directory cannot be used as they are."},
};

}  // namespace

std::string manual_page(const CommandDescription& root, std::string_view version) {
    std::string out = fmt::format(
        ".TH RIACHO 1 \"\" \"riacho {}\" \"User Commands\"\n.SH NAME\nriacho \\- {}\n.SH SYNOPSIS\n"
        ".B riacho\n.I SUBCOMMAND\n[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
        "One process that serves Kinesis Data Streams, Data Firehose, Data Analytics (SQL) and Video Streams on one "
        "port, from one data directory, to unchanged AWS clients; and the commands that work with it.\n.SH COMMANDS\n",
        version, roff(root.help.substr(root.help.find(": ") + 2)));
    for (const CommandDescription& command : root.subcommands) append_command(out, command);
    out += ".SH EXIT STATUS\n";
    for (const Code& code : codes) append_entry(out, std::to_string(code.code), code.meaning);
    out += ".SH ENVIRONMENT\n";
    append_entry(out, "RIACHO_...", "Every flag of riacho serve is also a variable: --data-dir is RIACHO_DATA_DIR.");
    append_entry(out, "RIACHO_ENDPOINT, AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL",
                 "The server of the commands that are clients, in this order.");
    append_entry(out, "AWS_REGION, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
                 "Region and keys of the commands that are clients.");
    return out;
}

}  // namespace riacho::server
