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
