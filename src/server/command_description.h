// CommandDescription: the command line as data, taken from what CLI11 parses. Help, completion files, the manual page
// and suggestions are made from it, so that none of them knows a flag that the others do not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace riacho::server {

struct FlagDescription {
    std::vector<std::string> names;  // "-f", "--follow"
    std::string value;               // name of its value; empty for a switch
    std::string help;
    std::string group;  // title under which help shows it
};

struct ArgumentDescription {
    std::string name;  // "STREAM"
    std::string help;
    bool required = false;
    bool repeated = false;  // takes all further words
};

struct CommandDescription {
    std::string path;  // "riacho user add"
    std::string name;  // "add"
    std::string help;  // one line
    std::string group;
    std::string footer;  // further lines of help
    std::vector<FlagDescription> flags;
    std::vector<ArgumentDescription> arguments;
    std::vector<CommandDescription> subcommands;  // without those that help does not show
};

// The command and everything below it. path: the names of the commands above it, and its own.
CommandDescription describe(const CLI::App& command, std::string_view path);

// How a synopsis shows an argument: STREAM, [FILE], [DATA...].
std::string synopsis_of(const ArgumentDescription& argument);

// The choices that a value's name lists: "text|json|hex" has three, "FILE" none.
std::vector<std::string> choices_of(const std::string& value);

// The text as lines of at most `width` columns, cut at spaces; its own line ends are kept.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

// Number of columns of UTF-8 text.
std::size_t columns_of(std::string_view text);

// What --help prints: usage, arguments, flags by group, subcommands by group, footer. At most 80 columns wide.
std::string help_text(const CommandDescription& command);

// The page riacho(1) in the form of man pages (roff).
std::string manual_page(const CommandDescription& root, std::string_view version);

// Completion files for shells.
std::string bash_completion(const CommandDescription& root);
std::string zsh_completion(const CommandDescription& root);
std::string fish_completion(const CommandDescription& root);

// A sentence about the first word of a command line that is neither a subcommand nor a flag, with the nearest one that
// is; empty when there is no such word. words: without the program's name.
std::string explain_unknown_word(const CommandDescription& root, const std::vector<std::string>& words);

// The words of a command line that are neither names of commands, flags, nor values of flags.
std::vector<std::string> arguments_of(const CommandDescription& root, const std::vector<std::string>& words);

// What CLI11 says of a flag's value, as a sentence of ours.
std::string explain_parse_error(const std::string& text);

// `riacho help put` as `riacho put --help`, and `riacho version` as `riacho --version`: other tools have them so.
std::vector<std::string> words_as_flags(std::vector<std::string> words);

}  // namespace riacho::server
