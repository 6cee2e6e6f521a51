// Suggestions for mistyped subcommands and flags, and what else is wrong with a command line.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "server/command_description.h"

namespace riacho::server {
namespace {

// What other servers and tools call it.
struct Synonym {
    std::string_view word;
    std::string_view ours;
};
constexpr std::array synonyms = {
    Synonym{"start", "serve"},
    Synonym{"run", "serve"},
    Synonym{"server", "serve"},
    Synonym{"ls", "streams"},
    Synonym{"list", "streams"},
    Synonym{"list-streams", "streams"},
    Synonym{"get", "tail"},
    Synonym{"get-records", "tail"},
    Synonym{"consume", "tail"},
    Synonym{"cat", "tail"},
    Synonym{"produce", "put"},
    Synonym{"put-record", "put"},
    Synonym{"publish", "put"},
    Synonym{"check", "verify"},
    Synonym{"status", "health"},
    Synonym{"man", "--help"},
    Synonym{"-v", "--version"},
    Synonym{"-V", "--version"},
    Synonym{"-v", "--log-calls"},
    Synonym{"-p", "--listen"},
    Synonym{"-d", "--data-dir"},
    Synonym{"-c", "--config"},
    Synonym{"--port", "--listen"},
    Synonym{"--host", "--listen"},
    Synonym{"--bind", "--listen"},
    Synonym{"--address", "--listen"},
    Synonym{"--dir", "--data-dir"},
    Synonym{"--data", "--data-dir"},
    Synonym{"--verbose", "--log-calls"},
    Synonym{"--debug", "--log-level"},
    Synonym{"--memory", "--memory-limit"},
    Synonym{"--endpoint-url", "--endpoint"},
    Synonym{"--partition-key", "--key"},
    Synonym{"--cert", "--tls-cert"},
};

// Words for which there is nothing to mean, but something to do.
struct Advice {
    std::string_view command;
    std::string_view word;
    std::string_view sentence;
};
constexpr std::string_view about_streams =
    "serve --create-stream and AWS clients create streams, AWS clients delete them";
constexpr std::string_view about_stream_flag = "the stream stands without a flag: STREAM";
constexpr std::array advices = {
    Advice{"riacho", "create", about_streams},
    Advice{"riacho", "create-stream", about_streams},
    Advice{"riacho", "delete", about_streams},
    Advice{"riacho", "delete-stream", about_streams},
    Advice{"riacho put", "--stream", about_stream_flag},
    Advice{"riacho put", "--stream-name", about_stream_flag},
    Advice{"riacho put", "--data", "the data stands without a flag: STREAM DATA"},
    Advice{"riacho tail", "--stream", about_stream_flag},
    Advice{"riacho tail", "--stream-name", about_stream_flag},
    Advice{"riacho export", "--stream", about_stream_flag},
    Advice{"riacho import", "--stream", about_stream_flag},
};

// The number of letters to insert, remove, replace or exchange with their neighbour (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = std::exchange(last, row);
    }
    return last.back();
}

// The candidate that was most likely meant; empty without one.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
    for (const Synonym& synonym : synonyms) {
        if (word == synonym.word && std::ranges::find(candidates, synonym.ours) != candidates.end())
            return std::string(synonym.ours);
    }
    constexpr std::size_t word_size_max = 64;  // bounds the time for a long word
    if (word.size() > word_size_max) return {};
    const bool is_short_flag = word.size() == 2 && word.starts_with('-');
    if (is_short_flag) return {};  // as near to one letter as to any other
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t d = distance(word, candidate);
        if (d >= best_distance) continue;
        best = candidate;
        best_distance = d;
    }
    if (!best.empty()) return best;
    // The beginning of a single one.
    constexpr std::size_t prefix_size_min = 3;
    const auto begins = [&](const std::string& candidate) { return candidate.starts_with(word); };
    if (word.size() >= prefix_size_min && std::ranges::count_if(candidates, begins) == 1)
        return *std::ranges::find_if(candidates, begins);
    return {};
}

std::string sentence(std::string_view kind, const CommandDescription& command, const std::string& word,
                     const std::vector<std::string>& candidates) {
    for (const Advice& advice : advices) {
        if (command.path == advice.command && word == advice.word)
            return fmt::format("{} has no {} '{}'; {}", command.path, kind, word, advice.sentence);
    }
    const std::string meant = nearest(word, candidates);
    return fmt::format("{} has no {} '{}'{}", command.path, kind, word,
                       meant.empty() ? "" : fmt::format("; did you mean {}?", meant));
}

// What the words of a command line are, as far as the first one that is unknown.
struct Reading {
    std::vector<std::string> arguments;  // neither names of commands, flags, nor values of flags
    std::string problem;                 // about the unknown word; empty without one
};

Reading read_words(const CommandDescription& root, const std::vector<std::string>& words) {
    Reading reading;
    const CommandDescription* command = &root;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "--") {
            reading.arguments.insert(reading.arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                     words.end());
            return reading;
        }
        if (word.starts_with("-") && word.size() > 1) {
            const std::string name = word.substr(0, word.find('='));
            const FlagDescription* known = nullptr;
            std::vector<std::string> names;
            for (const FlagDescription& flag : command->flags) {
                for (const std::string& its : flag.names) {
                    // Short flags may stand together, and before their value: -f3.
                    if (its == name || (its.size() == 2 && !name.starts_with("--") && name.starts_with(its)))
                        known = &flag;
                    names.push_back(its);
                }
            }
            if (known == nullptr) {
                reading.problem = sentence("flag", *command, name, names);
                return reading;
            }
            if (!known->value.empty() && name == word) ++i;  // its value
            continue;
        }
        if (command->subcommands.empty()) {
            reading.arguments.push_back(word);
            continue;
        }
        const auto found = std::ranges::find(command->subcommands, word, &CommandDescription::name);
        if (found == command->subcommands.end()) {
            std::vector<std::string> names;
            for (const CommandDescription& subcommand : command->subcommands) names.push_back(subcommand.name);
            for (const FlagDescription& flag : command->flags)
                names.insert(names.end(), flag.names.begin(), flag.names.end());
            reading.problem = sentence("subcommand", *command, word, names);
            return reading;
        }
        command = &*found;
    }
    return reading;
}

}  // namespace

std::string explain_unknown_word(const CommandDescription& root, const std::vector<std::string>& words) {
    return read_words(root, words).problem;
}

std::vector<std::string> arguments_of(const CommandDescription& root, const std::vector<std::string>& words) {
    return read_words(root, words).arguments;
}

std::string explain_parse_error(const std::string& text) {
    // "--region: 1 required REGION missing"
    const auto missing = text.find(": 1 required ");
    if (missing != std::string::npos && text.ends_with(" missing")) return text.substr(0, missing) + " needs a value";
    // "--format: xml not in {hex,json,text}"
    constexpr std::string_view mark = " not in {";
    const auto colon = text.find(": ");
    const auto choices = text.rfind(mark);
    if (colon == std::string::npos || choices == std::string::npos || choices < colon + 2 || !text.ends_with('}'))
        return text;
    std::string listed = text.substr(choices + mark.size());
    listed.pop_back();
    std::ranges::replace(listed, ',', '|');
    const std::string value = text.substr(colon + 2, choices - colon - 2);
    return fmt::format("{} = '{}' is none of {}", text.substr(0, colon), value, listed);
}

std::vector<std::string> words_as_flags(std::vector<std::string> words) {
    if (words.empty()) return words;
    if (words.front() == "help") {
        words.erase(words.begin());
        words.emplace_back("--help");
    } else if (words.size() == 1 && words.front() == "version") {
        words.front() = "--version";
    }
    return words;
}

}  // namespace riacho::server
