// SPDX-License-Identifier: Apache-2.0
#include "render.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace meshd::meshctl {
namespace {

std::string text(const Page& page, Format format) {
    std::ostringstream out;
    render(page, format, out);
    return out.str();
}

Table numbers() {
    return {{text_column("NAME", "name"), number_column("COUNT", "count"), text_column("NOTE", "note").wide()},
            {{{"name", "µ-one"}, {"count", 7}, {"note", "first"}}, {{"name", "two"}, {"count", 12345}, {"note", ""}}},
            Shown::always,
            {}};
}

TEST(Render, AlignsColumnsByLettersNotBytes) {
    Page page;
    page.blocks = {numbers()};
    EXPECT_EQ(text(page, Format::table),
              "NAME   COUNT\n"
              "µ-one      7\n"
              "two    12345\n");
}

TEST(Render, ShowsMoreWhenWideAndNothingAsADash) {
    Page page;
    page.blocks = {numbers()};
    EXPECT_EQ(text(page, Format::wide),
              "NAME   COUNT  NOTE\n"
              "µ-one      7  first\n"
              "two    12345  -\n");
}

TEST(Render, PutsAnEmptyLineBetweenBlocksAndTheVerdictLast) {
    Page page;
    page.blocks = {Facts{{{"State", "ok"}, {"Process", "1"}}}, Lines{{"one", "two"}}};
    page.verdict = "fine";
    EXPECT_EQ(text(page, Format::table), "State    ok\nProcess  1\n\none\ntwo\n\nfine\n");
}

TEST(Render, LeavesOutEmptyTablesAndBlocksForWideOnly) {
    auto wide = numbers();
    wide.shown = Shown::when_wide;
    Page page;
    page.blocks = {Table{numbers().columns, {}, Shown::always, {}}, wide, Lines{}};
    page.verdict = "nothing";
    EXPECT_EQ(text(page, Format::table), "nothing\n");
}

TEST(Render, PrintsATitleAboveATable) {
    auto table = numbers();
    table.title = "Numbers";
    Page page;
    page.blocks = {table};
    EXPECT_EQ(text(page, Format::table).substr(0, 13), "Numbers\nNAME ");
}

TEST(Render, PrintsTheValueForPrograms) {
    Page page;
    page.blocks = {numbers()};
    page.verdict = "not shown";
    page.value = {{"a", json::array{1, 0.25, nullptr}}, {"b", json::object{}}, {"c", "x\"y"}, {"d", json::array{}}};
    EXPECT_EQ(text(page, Format::json),
              "{\n  \"a\": [\n    1,\n    0.25,\n    null\n  ],\n  \"b\": {},\n  \"c\": \"x\\\"y\",\n  \"d\": []\n}\n");
    EXPECT_EQ(text(page, Format::yaml).substr(0, 3), "a:\n");
}

TEST(PrettyJson, ReadsBackAsTheSameValue) {
    const auto value = json::parse(R"({"a":[{"b":[1,-2,3.5,1e300,true,false,null,"\u0001\n\"\\ü"]},{},[]],"":""})");
    EXPECT_EQ(json::parse(pretty_json(value)), value);
}

TEST(RenderFailure, GoesToStderrForPeople) {
    std::ostringstream out;
    std::ostringstream err;
    render(Failure{ExitCode::failed, "no", "do it", {}}, Format::wide, out, err);
    EXPECT_EQ(out.str(), "");
    EXPECT_EQ(err.str(), "meshctl: no\ndo it\n");
}

TEST(RenderFailure, HasItsDetailsInBothForms) {
    std::ostringstream out;
    std::ostringstream err;
    const Failure failure{ExitCode::failed, "no", "do it", {"a", "b"}};
    render(failure, Format::table, out, err);
    EXPECT_EQ(err.str(), "meshctl: no\na\nb\ndo it\n");
    render(failure, Format::json, out, err);
    EXPECT_EQ(json::parse(out.str()).at("error").at("details"), (json::array{"a", "b"}));
}

TEST(RenderFailure, GoesToStdoutForPrograms) {
    std::ostringstream out;
    std::ostringstream err;
    render(Failure{ExitCode::failed, "no", "do it", {}}, Format::json, out, err);
    EXPECT_EQ(json::parse(out.str()), (json::value{{"error", {{"message", "no"}, {"remedy", "do it"}}}}));
    EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace meshd::meshctl
