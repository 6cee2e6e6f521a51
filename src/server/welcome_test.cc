#include "server/welcome.h"

#include <gtest/gtest.h>

namespace riacho::server {
namespace {

TEST(Welcome, only_headers_that_name_html_accept_it) {
    EXPECT_TRUE(accepts_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));  // Firefox
    EXPECT_TRUE(accepts_html("image/png , Text/HTML;q=0.5"));
    EXPECT_TRUE(accepts_html("text/html;level=1"));
    for (const std::string_view header : {"", "*/*", "application/json", "text/*", "text/html2", "text/html;q=0",
                                          "text/html; q=0.000", "text/html;q=", ",,;;"}) {
        EXPECT_EQ(accepts_html(header), header == "text/html;q=") << header;
    }
}

TEST(Welcome, the_language_that_weighs_more_is_taken) {
    using enum PageLanguage;
    for (const std::string_view header :
         {"pt-BR", "pt", "PT-pt", "pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", "fr, pt;q=0.1", "en;q=0.5, pt-BR;q=0.51",
          "en;q=0,pt;q=0.001", " pt ; q=1.000 , en;q=0.999"}) {
        EXPECT_EQ(preferred_language(header), portuguese) << header;
    }
    for (const std::string_view header :
         {"", "en-US,en;q=0.9,pt;q=0.8", "fr-FR", "pt;q=0", "pt;q=x", "en,pt", "pta", "*", "pt;q=0.5;q=0", "q=1;pt"}) {
        EXPECT_EQ(preferred_language(header), english) << header;
    }
}

}  // namespace
}  // namespace riacho::server
