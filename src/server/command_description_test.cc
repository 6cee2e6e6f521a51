#include "server/command_description.h"

#include <gtest/gtest.h>

namespace riacho::server {
namespace {

using Lines = std::vector<std::string>;

CommandDescription small() {
    CommandDescription serve{.path = "riacho serve", .name = "serve", .help = "Serve", .group = "Server"};
    serve.flags = {{.names = {"--auth"}, .value = "off|sigv4", .help = "it's [checked]: or not", .group = "Security"},
                   {.names = {"-f", "--follow"}, .value = "", .help = "", .group = "Options"}};
    serve.arguments = {{.name = "FILE", .help = "a file", .required = true}};
    CommandDescription root{.path = "riacho", .name = "riacho", .help = "riacho: a server"};
    root.subcommands = {serve};
    return root;
}

TEST(CommandDescription, text_is_cut_at_spaces_only) {
    EXPECT_EQ(wrapped("one two three", 7), (Lines{"one two", "three"}));
    EXPECT_EQ(wrapped("overlong words stay", 4), (Lines{"overlong", "words", "stay"}));
    EXPECT_EQ(wrapped("a\n\n  indented line", 80), (Lines{"a", "", "  indented line"}));
    EXPECT_EQ(wrapped("ção ção", 7), (Lines{"ção ção"})) << "columns, not bytes";
    EXPECT_TRUE(wrapped("", 10).empty());
}

TEST(CommandDescription, choices_stand_between_bars) {
    EXPECT_EQ(choices_of("off|sigv4"), (Lines{"off", "sigv4"}));
    EXPECT_TRUE(choices_of("FILE").empty());
}

TEST(CommandDescription, unknown_words_are_explained) {
    const CommandDescription root = small();
    EXPECT_EQ(explain_unknown_word(root, {"serv"}), "riacho has no subcommand 'serv'; did you mean serve?");
    EXPECT_EQ(explain_unknown_word(root, {"serve", "--auht=off"}),
              "riacho serve has no flag '--auht'; did you mean --auth?");
    EXPECT_EQ(explain_unknown_word(root, {"serve", "--auth", "--nonsense", "file"}), "") << "it is the value of --auth";
    EXPECT_EQ(explain_unknown_word(root, {"serve", "-f", "file", "--", "-x"}), "");
    EXPECT_EQ(explain_unknown_word(root, {std::string(10'000, 'x')}).find("did you mean"), std::string::npos);
}

TEST(CommandDescription, short_flags_are_not_taken_for_others) {
    CommandDescription root = small();
    root.flags = {{.names = {"-h", "--help"}}, {.names = {"--version"}}};
    EXPECT_EQ(explain_unknown_word(root, {"-x"}), "riacho has no flag '-x'");
    EXPECT_EQ(explain_unknown_word(root, {"-V"}), "riacho has no flag '-V'; did you mean --version?");
}

TEST(CommandDescription, what_riacho_has_no_word_for_is_told) {
    const std::string told = explain_unknown_word(small(), {"create-stream", "orders"});
    EXPECT_EQ(told.find("riacho has no subcommand 'create-stream'; "), 0U);
    EXPECT_NE(told.find("--create-stream"), std::string::npos);
    EXPECT_EQ(told.find("did you mean"), std::string::npos);
}

TEST(CommandDescription, wrong_values_are_told_in_a_sentence) {
    EXPECT_EQ(explain_parse_error("--region: 1 required REGION missing"), "--region needs a value");
    EXPECT_EQ(explain_parse_error("--format: x: y not in {hex,json}"), "--format = 'x: y' is none of hex|json");
    for (const char* other : {"", "STREAM is required", "--a: not in {x}", ": 1 required", "--a: b not in {x} or so"})
        EXPECT_EQ(explain_parse_error(other), other);
}

TEST(CommandDescription, help_and_version_are_words_too) {
    EXPECT_EQ(words_as_flags({"help", "user", "add"}), (Lines{"user", "add", "--help"}));
    EXPECT_EQ(words_as_flags({"help"}), Lines{"--help"});
    EXPECT_EQ(words_as_flags({"version"}), Lines{"--version"});
    EXPECT_EQ(words_as_flags({"put", "help"}), (Lines{"put", "help"})) << "a stream's name";
    EXPECT_TRUE(words_as_flags({}).empty());
}

TEST(CommandDescription, arguments_are_found_among_flags) {
    const CommandDescription root = small();
    EXPECT_EQ(arguments_of(root, {"serve", "a", "--auth", "off", "", "-f", "{}", "--auth=off", "--", "-x", "--"}),
              (Lines{"a", "", "{}", "-x", "--"}));
    EXPECT_TRUE(arguments_of(root, {"serve", "-f"}).empty());
}

TEST(CommandDescription, arguments_that_take_many_words_say_so) {
    CommandDescription put{.path = "riacho put", .name = "put", .help = "Put"};
    put.arguments = {{.name = "STREAM", .help = "", .required = true},
                     {.name = "FILE", .help = "a file each", .required = false, .repeated = true}};
    EXPECT_NE(help_text(put).find("Usage: riacho put [OPTIONS] STREAM [FILE...]"), std::string::npos);
    CommandDescription root{.path = "riacho", .name = "riacho", .help = "riacho"};
    root.subcommands = {put};
    EXPECT_NE(zsh_completion(root).find("'*:a file each:_files'"), std::string::npos);
    EXPECT_NE(bash_completion(root).find("$arguments -ge 1"), std::string::npos);
}

TEST(CommandDescription, files_for_shells_quote_what_means_something_there) {
    const CommandDescription root = small();
    EXPECT_NE(zsh_completion(root).find(R"('*--auth[it'\''s \[checked\]\: or not]:off|sigv4:(off sigv4)')"),
              std::string::npos);
    EXPECT_NE(fish_completion(root).find(R"(-d 'it'\''s [checked]: or not')"), std::string::npos);
    EXPECT_NE(manual_page(root, "1.0").find("it's [checked]: or not"), std::string::npos);
    EXPECT_EQ(
        help_text(root.subcommands.front()).find("Options:") > help_text(root.subcommands.front()).find("Security:"),
        true);
}

}  // namespace
}  // namespace riacho::server
