// Completion files for bash, zsh and fish. Names of streams are asked of the server at the moment of completion.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "server/command_description.h"

namespace riacho::server {
namespace {

// The completion of an option's value.
enum class Source : std::uint8_t { nothing, choices, file, directory, stream };

Source source_of(const std::string& value) {
    if (value.contains('|')) return Source::choices;
    if (value == "FILE" || value == "SQL") return Source::file;
    if (value == "DIR") return Source::directory;
    if (value == "STREAM") return Source::stream;
    return Source::nothing;
}

constexpr std::string_view list_streams = "riacho streams --names 2>/dev/null";

void each_command(const CommandDescription& command, const std::function<void(const CommandDescription&)>& visit) {
    visit(command);
    for (const CommandDescription& subcommand : command.subcommands) each_command(subcommand, visit);
}

// A shell's single-quoted word.
std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

// What bash runs to fill COMPREPLY.
std::string bash_reply(const std::string& value) {
    switch (source_of(value)) {
        case Source::nothing:
            return "COMPREPLY=()";
        case Source::choices:
            return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$word\"))", joined(choices_of(value)));
        case Source::file:
            return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$word\"))";
        case Source::directory:
            return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$word\"))";
        case Source::stream:
            return fmt::format("COMPREPLY=($(compgen -W \"$({})\" -- \"$word\"))", list_streams);
    }
    return {};
}

std::string zsh_action(const std::string& value) {
    switch (source_of(value)) {
        case Source::nothing:
            return " ";
        case Source::choices:
            return "(" + joined(choices_of(value)) + ")";
        case Source::file:
            return "_files";
        case Source::directory:
            return "_files -/";
        case Source::stream:
            return "_riacho_streams";
    }
    return {};
}

// Text in a specification of _arguments, where brackets and colons have a meaning.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

// "riacho user add" is the function _riacho_user_add.
std::string function_of(const CommandDescription& command) {
    std::string name = "_" + command.path;
    std::ranges::replace(name, ' ', '_');
    return name;
}

void append_zsh_function(std::string& out, const CommandDescription& command) {
    out += fmt::format("{}() {{\n", function_of(command));
    if (!command.subcommands.empty()) out += "  local context state line\n  typeset -A opt_args\n";
    out += "  _arguments -s";
    if (!command.subcommands.empty()) out += " -C";
    for (const FlagDescription& flag : command.flags) {
        for (const std::string& name : flag.names) {
            std::string spec = fmt::format("*{}[{}]", name, zsh_text(flag.help));
            if (!flag.value.empty()) spec += fmt::format(":{}:{}", zsh_text(flag.value), zsh_action(flag.value));
            out += " \\\n    " + quoted(spec);
        }
    }
    std::size_t place = 0;
    for (const ArgumentDescription& argument : command.arguments) {
        const std::string which = argument.repeated ? "*" : std::to_string(++place);
        out += " \\\n    " + quoted(fmt::format("{}{}:{}:{}", which, argument.required || argument.repeated ? "" : ":",
                                                zsh_text(argument.help), zsh_action(argument.name)));
    }
    if (command.subcommands.empty()) {
        out += "\n}\n\n";
        return;
    }
    out += " \\\n    '1: :->command' \\\n    '*:: :->words'\n";
    out += "  case $state in\n    command)\n      local -a commands\n      commands=(\n";
    for (const CommandDescription& subcommand : command.subcommands) {
        out += "        " + quoted(fmt::format("{}:{}", subcommand.name, zsh_text(subcommand.help))) + "\n";
    }
    out += "      )\n      _describe command commands ;;\n    words)\n      case $line[1] in\n";
    for (const CommandDescription& subcommand : command.subcommands) {
        out += fmt::format("        {}) {} ;;\n", subcommand.name, function_of(subcommand));
    }
    out += "      esac ;;\n  esac\n}\n\n";
}

// fish's condition that the words so far name this command.
std::string fish_condition(const CommandDescription& command) {
    std::vector<std::string> words;
    std::string_view rest = command.path;
    while (!rest.empty()) {
        const auto space = rest.find(' ');
        words.emplace_back(rest.substr(0, space));
        rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
    }
    if (words.size() == 1) return "__fish_use_subcommand";
    std::vector<std::string> conditions;
    for (std::size_t i = 1; i < words.size(); ++i) conditions.push_back("__fish_seen_subcommand_from " + words[i]);
    if (!command.subcommands.empty()) {
        std::string names;
        for (const CommandDescription& subcommand : command.subcommands) names += " " + subcommand.name;
        conditions.push_back("not __fish_seen_subcommand_from" + names);
    }
    return fmt::format("{}", fmt::join(conditions, "; and "));
}

std::string fish_source(const std::string& value) {
    switch (source_of(value)) {
        case Source::nothing:
            return " -x";
        case Source::choices:
            return " -x -a " + quoted(joined(choices_of(value)));
        case Source::file:
            return " -r -F";
        case Source::directory:
            return " -x -a '(__fish_complete_directories)'";
        case Source::stream:
            return fmt::format(" -x -a '({})'", list_streams);
    }
    return {};
}

}  // namespace

std::string bash_completion(const CommandDescription& root) {
    std::string out =
        "# bash completion for riacho; made by `riacho completion bash`.\n"
        "_riacho() {\n"
        "    local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" path=riacho arguments=0 "
        "i\n"
        // --flag=value arrives as three words.
        "    if [[ $word == = ]]; then word=; fi\n"
        "    if [[ $before == = ]]; then before=\"${COMP_WORDS[COMP_CWORD-2]}\"; fi\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case \"$path ${COMP_WORDS[i]}\" in\n";
    each_command(root, [&](const CommandDescription& command) {
        if (command.path != root.path)
            out += fmt::format("            '{}') path='{}'; continue ;;\n", command.path, command.path);
    });
    // Flags with a value take the next word with them.
    each_command(root, [&](const CommandDescription& command) {
        std::vector<std::string> patterns;
        for (const FlagDescription& flag : command.flags) {
            if (flag.value.empty()) continue;
            for (const std::string& name : flag.names) patterns.push_back(fmt::format("'{} {}'", command.path, name));
        }
        if (!patterns.empty())
            out += fmt::format("            {}) ((i++)); if [[ ${{COMP_WORDS[i]}} == = ]]; then ((i++)); fi ;;\n",
                               fmt::join(patterns, "|"));
    });
    out +=
        "            *' -'*) ;;\n"
        "            *) ((arguments++)) ;;\n"
        "        esac\n"
        "    done\n"
        "    case \"$path $before\" in\n";
    each_command(root, [&](const CommandDescription& command) {
        for (const FlagDescription& flag : command.flags) {
            if (flag.value.empty()) continue;
            std::vector<std::string> patterns;
            for (const std::string& name : flag.names) patterns.push_back(fmt::format("'{} {}'", command.path, name));
            out += fmt::format("        {}) {}; return ;;\n", fmt::join(patterns, "|"), bash_reply(flag.value));
        }
    });
    out += "    esac\n    case \"$path\" in\n";
    each_command(root, [&](const CommandDescription& command) {
        std::vector<std::string> flags;
        for (const FlagDescription& flag : command.flags)
            flags.insert(flags.end(), flag.names.begin(), flag.names.end());
        std::vector<std::string> names;
        for (const CommandDescription& subcommand : command.subcommands) names.push_back(subcommand.name);
        out += fmt::format(
            "        '{}')\n            if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '{}' -- \"$word\"))\n",
            command.path, joined(flags));
        if (!names.empty())
            out += fmt::format("            else COMPREPLY=($(compgen -W '{}' -- \"$word\"))\n", joined(names));
        for (std::size_t i = 0; i < command.arguments.size(); ++i) {
            out += fmt::format("            elif [[ $arguments -{} {} ]]; then {}\n",
                               command.arguments[i].repeated ? "ge" : "eq", i, bash_reply(command.arguments[i].name));
        }
        out += "            fi ;;\n";
    });
    return out + "    esac\n}\ncomplete -F _riacho riacho\n";
}

std::string zsh_completion(const CommandDescription& root) {
    std::string out = "#compdef riacho\n# zsh completion for riacho; made by `riacho completion zsh`.\n\n";
    out += fmt::format(
        "_riacho_streams() {{\n  local -a streams\n  streams=(${{(f)\"$({})\"}})\n  compadd -a streams\n}}\n\n",
        list_streams);
    each_command(root, [&](const CommandDescription& command) { append_zsh_function(out, command); });
    // As a file of $fpath it is called to complete; with `source` it registers itself.
    return out + "if [ \"$funcstack[1]\" = \"_riacho\" ]; then\n  _riacho \"$@\"\nelse\n  compdef _riacho riacho\nfi\n";
}

std::string fish_completion(const CommandDescription& root) {
    std::string out = "# fish completion for riacho; made by `riacho completion fish`.\ncomplete -c riacho -f\n";
    each_command(root, [&](const CommandDescription& command) {
        const std::string condition = quoted(fish_condition(command));
        for (const CommandDescription& subcommand : command.subcommands) {
            out += fmt::format("complete -c riacho -n {} -a {} -d {}\n", condition, subcommand.name,
                               quoted(subcommand.help));
        }
        for (const FlagDescription& flag : command.flags) {
            out += fmt::format("complete -c riacho -n {}", condition);
            for (const std::string& name : flag.names) {
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            if (!flag.value.empty()) out += fish_source(flag.value);
            out += fmt::format(" -d {}\n", quoted(flag.help));
        }
        for (const ArgumentDescription& argument : command.arguments) {
            const Source source = source_of(argument.name);
            if (source == Source::nothing) continue;
            if (source == Source::file) {
                out += fmt::format("complete -c riacho -n {} -F\n", condition);
            } else {
                out += fmt::format("complete -c riacho -n {}{}\n", condition, fish_source(argument.name));
            }
        }
    });
    return out;
}

}  // namespace riacho::server
