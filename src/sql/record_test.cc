// Records to rows, discovery, and rows to what destinations get.
#include <gtest/gtest.h>

#include "sql/engine.h"
#include "sql/record/decoder.h"
#include "sql/record/discover.h"
#include "sql/record/row_encode.h"

namespace riacho::sql {
namespace {

RecordSchema json_schema(std::string row_path, std::vector<std::pair<std::string, std::string>> columns) {
    RecordSchema schema;
    schema.row_path = std::move(row_path);
    for (auto& [mapping, type] : columns) schema.columns.push_back({mapping, mapping, *parse_type(type)});
    return schema;
}

std::vector<std::string> rows_of(const RecordSchema& schema, std::string_view record) {
    auto decoder = RecordDecoder::make(schema, false, {});
    EXPECT_TRUE(decoder) << decoder.error();
    if (!decoder) return {};
    (*decoder)->decode(record, 0, RowTime(1), {RowTime(1), {}, {}, {}});
    std::vector<Column> columns;
    for (const RecordColumn& column : schema.columns) columns.push_back({"", column.type});
    std::vector<std::string> rows;
    for (const BatchRef& batch : (*decoder)->take_rows()) {
        for (std::uint32_t row = 0; row < batch->rows; ++row) {
            std::string text;
            encode_csv_row(*batch, row, columns, text);
            text.pop_back();
            rows.push_back(std::move(text));
        }
    }
    for (const InputError& error : (*decoder)->take_errors()) rows.push_back(std::string(error.name));
    return rows;
}

using Rows = std::vector<std::string>;

constexpr std::string_view orders =
    R"({"customerName":"Ann","orders":[{"orderId":23284},{"orderId":63122},{"orderId":77284}],"tail":1})";

// G51, K31, K32.
TEST(JsonRows, an_array_makes_a_row_of_each_element) {
    EXPECT_EQ(rows_of(json_schema("$", {{"$.customerName", "VARCHAR(8)"},
                                        {"$.orders[0:].orderId", "INTEGER"},
                                        {"$.tail", "INTEGER"}}),
                      orders),
              (Rows{"Ann,23284,1", "Ann,63122,1", "Ann,77284,1"}));
    EXPECT_EQ(rows_of(json_schema("$", {{"$.orders[0:]", "VARCHAR(100)"}}), orders),
              (Rows{R"("[{""orderId"":23284},{""orderId"":63122},{""orderId"":77284}]")"}));
    EXPECT_EQ(rows_of(json_schema("$", {{"$.customerName", "VARCHAR(8)"}, {"$.orders[0:].itemId", "INTEGER"}}), orders),
              (Rows{"Ann,", "Ann,", "Ann,"}));
    EXPECT_EQ(rows_of(json_schema("$", {{"$.a", "INTEGER"}, {"$.orders[0:].itemId", "INTEGER"}}),
                      R"({"a":1,"orders":[]}{"a":2})"),
              (Rows{"1,", "2,"}));
}

TEST(JsonRows, a_row_path_may_be_repeated_in_mappings_or_left_out) {
    EXPECT_EQ(
        rows_of(json_schema("$.orders[0:]", {{"$.orders[0:].orderId", "INTEGER"}, {"$.customerName", "VARCHAR(8)"}}),
                orders),
        (Rows{"23284,Ann", "63122,Ann", "77284,Ann"}));
    EXPECT_EQ(rows_of(json_schema("$.orders[0:]", {{"$.orderId", "INTEGER"}}), orders),
              (Rows{"23284", "63122", "77284"}));
    EXPECT_EQ(rows_of(json_schema("$[0:]", {{"$.x", "INTEGER"}}), R"([{"x":1},{"x":2}])"), (Rows{"1", "2"}));
    EXPECT_EQ(rows_of(json_schema("$.a", {{"$.a.x", "INTEGER"}, {"$.y", "INTEGER"}}), R"({"a":{"x":1,"y":2}})"),
              (Rows{"1,2"}));
}

TEST(JsonRows, mappings_that_are_none_are_refused) {
    const auto problem = [](const RecordSchema& schema) {
        const auto checked = check_schema(schema);
        return checked ? std::string() : checked.error();
    };
    EXPECT_NE(problem(json_schema("$", {{"$.a[0:].x", "INTEGER"}, {"$.b[0:].y", "INTEGER"}})), "");
    EXPECT_NE(problem(json_schema("$", {{"$.a[0:].b[0:].c", "INTEGER"}})), "");
    EXPECT_NE(problem(json_schema("$", {{"a", "INTEGER"}})), "");
    EXPECT_NE(problem(json_schema("$x", {{"$.a", "INTEGER"}})), "");
    EXPECT_EQ(problem(json_schema("$", {{"$.a[0:].x", "INTEGER"}, {"$.b[0:]", "VARCHAR(9)"}})), "");
}

// S5.4, K36.
TEST(CsvRows, columns_are_taken_in_order) {
    RecordSchema schema;
    schema.format = RecordFormat::csv;
    for (const std::string_view type : {"INTEGER", "VARCHAR(9)", "DOUBLE"})
        schema.columns.push_back({std::string(type), "", *parse_type(type)});
    EXPECT_EQ(rows_of(schema, "1,a,2.5,more\n2, \"b, \"\"c\"\"\",\n\n3\n"),
              (Rows{"1,a,2.5", "2,\"b, \"\"c\"\"\",", "3,,"}));
    EXPECT_EQ(rows_of(schema, "x,a,1\n4,b,2"), (Rows{"4,b,2", "COERCION_ERROR"}));
    EXPECT_EQ(rows_of(schema, "1,\"open"), (Rows{"PARSE_ERROR"}));
    EXPECT_EQ(rows_of(schema, "1,\xFF,2"), (Rows{"PARSE_ERROR"}));
    schema.row_delimiter = "||";
    schema.column_delimiter = "<>";
    EXPECT_EQ(rows_of(schema, "1<>a<>2||3<>b<>4"), (Rows{"1,a,2", "3,b,4"}));
}

// One record makes a bounded number of values, texts and errors, in a bounded time.
TEST(Records, hostile_ones_are_cut_short) {
    std::string many = R"({"t":")" + std::string(60'000, 'x') + R"(","a":[1)";
    for (int i = 0; i < 50'000; ++i) many += ",1";
    many += "]}";
    auto schema = json_schema("$", {{"$.t", "VARCHAR(65000)"}, {"$.a[0:].x", "INTEGER"}});
    EXPECT_EQ(rows_of(schema, many).size(), 50'001U);
    schema.columns[0].type = *parse_type("CHAR(65000)");
    schema.columns[0].mapping = "$.a[0:].y";
    std::string padded = R"({"a":[{"y":"1"})";
    for (int i = 0; i < 50'000; ++i) padded += R"(,{"y":"1"})";
    EXPECT_EQ(rows_of(schema, padded + "]}").back(), "PARSE_ERROR");
    RecordSchema csv;
    csv.format = RecordFormat::csv;
    for (const char* name : {"A", "B"}) csv.columns.push_back({name, "", *parse_type("INTEGER")});
    EXPECT_EQ(rows_of(csv, std::string(1'000'000, ',')), (Rows{","}));
    std::string wrong;
    for (int i = 0; i < 50'000; ++i) wrong += "x,1\n";
    auto decoder = RecordDecoder::make(csv, false, {});
    (*decoder)->decode(wrong, 0, RowTime(1), {});
    const auto errors = (*decoder)->take_errors();
    EXPECT_EQ(errors.size(), 100U);
    std::uint64_t count = 0;
    for (const InputError& error : errors) count += error.count;
    EXPECT_EQ(count, 50'000U);
}

// K23: AWS's own example, S8.
TEST(Discover, the_energy_file_of_aws) {
    const std::string_view file =
        "year,month,state,producer_type,energy_source,units,consumption\r\n"
        "2001,1,AK,\"TotalElectricPowerIndustryAndMuchMore\",Coal,ShortTons,47615\r\n"
        "2001,1,AK,ElectricGeneratorsElectricUtilities,Coal,ShortTons,16535\r\n";
    const auto found = discover_schema({&file, 1});
    ASSERT_TRUE(found);
    Rows columns;
    for (const RecordColumn& column : found->schema.columns)
        columns.push_back(column.name + " " + type_text(column.type));
    EXPECT_EQ(columns, (Rows{"COL_year INTEGER", "COL_month INTEGER", "state VARCHAR(4)", "producer_type VARCHAR(64)",
                             "energy_source VARCHAR(4)", "units VARCHAR(16)", "consumption INTEGER"}));
    EXPECT_EQ(found->schema.row_delimiter, "\r\n");
    EXPECT_EQ(found->schema.column_delimiter, ",");
    ASSERT_EQ(found->rows.size(), 3U);
    EXPECT_EQ(found->rows[0],
              (std::vector<std::optional<std::string>>{std::nullopt, std::nullopt, "state", "producer_type",
                                                       "energy_source", "units", std::nullopt}));
}

// K25.
TEST(Discover, json_names_and_types) {
    const std::string_view records[] = {
        R"({"@@":1,"USER@DOMAIN":"ann","HEART":70,"PRICE":1.5,"ok":true,"n":{"x":"ab","deep":{"y":1}},"list":[1,2]})",
        R"({"@@":200,"HEART":71,"PRICE":2,"USER":"2018-06-13T14:11:05.766191"})"};
    const auto found = discover_schema(records);
    ASSERT_TRUE(found);
    Rows columns;
    for (const RecordColumn& column : found->schema.columns)
        columns.push_back(column.name + " " + type_text(column.type) + " " + column.mapping);
    EXPECT_EQ(columns,
              (Rows{"COL_0 SMALLINT $.@@", "COL_USERDOMAIN VARCHAR(4) $.USER@DOMAIN", "HEART TINYINT $.HEART",
                    "PRICE DOUBLE $.PRICE", "ok BOOLEAN $.ok", "n_x VARCHAR(4) $.n.x", "n_deep VARCHAR(8) $.n.deep",
                    "list VARCHAR(8) $.list[0:]", "COL_USER VARCHAR(32) $.USER"}));
    const std::string_view nothing[] = {"no format at all"};
    EXPECT_FALSE(discover_schema(nothing));
}

// G57, K39.
TEST(RowEncode, json_has_names_as_declared) {
    Environment environment;
    InputSpec input;
    input.name = "S";
    input.columns = {{"TICKER", varchar_type(4)},
                     {"price", simple_type(Kind::double_precision)},
                     {"TS", simple_type(Kind::timestamp)},
                     {"FLAG", simple_type(Kind::boolean)}};
    environment.inputs.push_back(input);
    environment.outputs = {"O"};
    const auto program = Program::compile(
        "CREATE STREAM O (ticker VARCHAR(4), \"price\" DOUBLE, ts TIMESTAMP, flag BOOLEAN, d DECIMAL(5,2), b "
        "BINARY(2));"
        "CREATE PUMP P AS INSERT INTO O SELECT STREAM ticker, \"price\", ts, flag, 0.5, x'00ff' FROM S;",
        environment);
    ASSERT_TRUE(program) << program.error().front().text;
    RecordSchema schema;
    for (const Column& column : input.columns) schema.columns.push_back({column.name, "$." + column.name, column.type});
    auto decoder = RecordDecoder::make(schema, false, (*program)->columns_used(InputIx(0)));
    (*decoder)->decode(R"({"TICKER":"AMZN","price":1.5,"TS":"2018-05-09 12:50:41.337"})", 0, RowTime(1), {});
    Engine engine(*program, {});
    engine.push(InputIx(0), (*decoder)->take_rows().front());
    WorkBudget budget;
    engine.run(budget);
    const auto emitted = engine.take();
    ASSERT_TRUE(emitted);
    std::string text;
    encode_json_row(*emitted->rows, 0, (*program)->streams()[1].columns, text);
    EXPECT_EQ(text, R"({"TICKER":"AMZN","price":1.5,"TS":"2018-05-09 12:50:41.337","FLAG":null,"D":0.50,"B":"AP8="})");
}

}  // namespace
}  // namespace riacho::sql
