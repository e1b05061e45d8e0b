// SPDX-License-Identifier: Apache-2.0
#include "store_pages.hpp"

#include <sstream>

#include <gmock/gmock.h>

#include "../store/fakes.hpp"
#include "render.hpp"

namespace meshd::meshctl {
namespace {

using store::declared;
using store::service_text;
using testing::ElementsAre;
using testing::HasSubstr;

std::string shown(const Result<Page>& page, Format format = Format::table) {
    std::ostringstream out;
    std::ostringstream err;
    if (page)
        render(*page, format, out);
    else
        render(page.error(), format, out, err);
    return out.str() + err.str();
}

class StorePages : public testing::Test {
protected:
    StorePages() { store_.put("services/db", service_text("db", "10.96.0.11")); }

    store::FakeStore store_;
    const std::string web_ = service_text("web", "10.96.0.10");
};

TEST_F(StorePages, ApplySaysWhatBecameOfEach) {
    EXPECT_EQ(shown(apply_to(store_, declared(web_), Doing::write)), "service/web created\n");
    EXPECT_EQ(shown(apply_to(store_, declared(web_), Doing::write)), "service/web unchanged\n");
    EXPECT_EQ(shown(apply_to(store_, declared(service_text("web", "10.96.0.12")), Doing::write)), "service/web configured\n");
    EXPECT_EQ(shown(apply_to(store_, declared(web_), Doing::only_show), Format::json),
              R"({
  "store": "fake",
  "dry_run": true,
  "objects": [
    {
      "kind": "service",
      "name": "web",
      "where": "fake:services/web",
      "result": "configured"
    }
  ]
}
)");
}

TEST_F(StorePages, ADryRunShowsTheDifference) {
    EXPECT_EQ(shown(apply_to(store_, declared(service_text("db", "10.96.0.12")), Doing::only_show)),
              "service/db configured (dry run)\n    services:\n      - name: db\n  -     address: 10.96.0.11\n  +     address: "
              "10.96.0.12\n        port: 80\n        backends: []\n");
    EXPECT_EQ(store_.writes, 0);
}

TEST_F(StorePages, ApplyRefusesConflictsWithAllPlaces) {
    const auto page = apply_to(store_, declared(service_text("web", "10.96.0.11")), Doing::write);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, ExitCode::failed);
    EXPECT_THAT(page.error().message, HasSubstr("nothing was written"));
    EXPECT_THAT(page.error().details,
                ElementsAre(HasSubstr("f.yaml:3:14: 10.96.0.11:80/tcp is already an address of service \"db\"")));
    EXPECT_EQ(store_.writes, 0);
}

TEST_F(StorePages, DeleteRemovesAllOrNone) {
    const store::Object db{store::Kind::service, "db"};
    const store::Object none{store::Kind::policy, "none"};
    EXPECT_THAT(shown(delete_from(store_, {db, none}, Missing::is_an_error, Doing::write)), HasSubstr("policy/none"));
    EXPECT_EQ(store_.objects.size(), 1U);
    EXPECT_EQ(shown(delete_from(store_, {db, none}, Missing::is_done, Doing::write)),
              "service/db deleted\npolicy/none missing\n");
    EXPECT_TRUE(store_.objects.empty());
}

TEST_F(StorePages, WhatSomebodyElseDeletesMeanwhileIsDeleted) {
    store_.before_write = [](store::FakeStore& store) { store.objects.clear(); };
    EXPECT_EQ(shown(delete_from(store_, {{store::Kind::service, "db"}}, Missing::is_an_error, Doing::write)),
              "service/db deleted\n");
}

TEST_F(StorePages, ListsObjectsAndThoseThatNoNodeTakes) {
    store_.put("by/hand", "nonsense: 1\n");
    EXPECT_EQ(shown(list_of(store_, std::nullopt)),
              "KIND     NAME     WHERE             STATE\nfile     by/hand  fake:by/hand      refused\n"
              "service  db       fake:services/db  -\n\n2 objects in registry fake\n");
    EXPECT_THAT(shown(list_of(store_, std::nullopt), Format::wide), HasSubstr("unknown key \"nonsense\""));
    EXPECT_THAT(shown(list_of(store_, store::Kind::policy)), HasSubstr("0 objects in registry fake"));
}

TEST_F(StorePages, OneIsAFileThatCanBeAppliedAgain) {
    const store::Object db{store::Kind::service, "db"};
    EXPECT_EQ(shown(show_of(store_, db), Format::yaml), service_text("db", "10.96.0.11"));
    EXPECT_EQ(declared(shown(show_of(store_, db), Format::json)).at(0).object, db);
    EXPECT_THAT(shown(show_of(store_, db)), HasSubstr("Where   fake:services/db"));
    EXPECT_THAT(shown(show_of(store_, {store::Kind::service, "x"})), HasSubstr("service/x is not in registry fake"));
}

}  // namespace
}  // namespace meshd::meshctl
