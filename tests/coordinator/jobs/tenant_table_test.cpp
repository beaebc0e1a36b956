#include "coordinator/jobs/tenant_table.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

time_point at(int milliseconds_gone) {
  return time_from_ns(1'000'000'000'000) + milliseconds(milliseconds_gone);
}

TEST(tenant_table, more_jobs_than_a_tenant_may_have_are_refused_and_others_have_their_own_places) {
  job_quota quota;
  quota.open_max = 2;
  tenant_table tenants(quota, 10);
  ASSERT_TRUE(tenants.enter("a", 10, at(0)));
  ASSERT_TRUE(tenants.enter("a", 10, at(0)));
  const auto third = tenants.enter("a", 10, at(0));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, errc::busy);
  EXPECT_EQ(third.error().context, "a has 2 jobs that are not over: wait for some, or cancel them");
  EXPECT_TRUE(tenants.enter("b", 10, at(0)));
  tenants.leave("a", job_id{1}, 10, 100);
  EXPECT_TRUE(tenants.enter("a", 10, at(0)));
}

TEST(tenant_table, requests_of_too_many_bytes_together_are_refused) {
  job_quota quota;
  quota.request_bytes_max = 100;
  tenant_table tenants(quota, 10);
  ASSERT_TRUE(tenants.enter("a", 60, at(0)));
  EXPECT_EQ(tenants.enter("a", 60, at(0)).error().code, errc::busy);
  EXPECT_TRUE(tenants.enter("a", 40, at(0)));
}

TEST(tenant_table, who_submits_too_often_is_told_when_to_come_again) {
  job_quota quota;
  quota.submits = {10, 2};
  tenant_table tenants(quota, 10);
  ASSERT_TRUE(tenants.enter("a", 1, at(0)));
  ASSERT_TRUE(tenants.enter("a", 1, at(0)));
  const auto third = tenants.enter("a", 1, at(0));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().context, "a submits too often: again in 101 ms");
  EXPECT_EQ(tenants.open_of("a"), 2u);
  EXPECT_TRUE(tenants.enter("a", 1, at(101)));
}

TEST(tenant_table, what_is_to_be_uploaded_is_bounded_in_bytes_and_number) {
  job_quota quota;
  quota.upload_bytes_max = 1'000;
  quota.upload_contents_max = 5;
  tenant_table tenants(quota, 10);
  ASSERT_TRUE(tenants.enter("a", 1, at(0)));
  ASSERT_TRUE(tenants.add_uploads("a", 2, 900));
  EXPECT_EQ(tenants.upload_bytes_left("a"), 100u);
  EXPECT_EQ(tenants.add_uploads("a", 1, 101).error().code, errc::too_large);
  EXPECT_EQ(tenants.add_uploads("a", 4, 0).error().code, errc::too_large);
  EXPECT_EQ(tenants.add_uploads("a", 1, ~std::uint64_t{0}).error().code, errc::too_large);
  EXPECT_EQ(tenants.upload_bytes_left("a"), 100u);
  tenants.drop_uploads("a", 2, 900);
  EXPECT_TRUE(tenants.add_uploads("a", 5, 1'000));
}

TEST(tenant_table, of_jobs_that_are_over_the_oldest_is_one_too_many) {
  job_quota quota;
  quota.kept_max = 2;
  quota.kept_bytes_max = 1'000;
  tenant_table tenants(quota, 10);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(tenants.enter("a", 1, at(0)));
    tenants.leave("a", job_id{i}, 1, 300);
  }
  EXPECT_EQ(tenants.one_too_many("a"), job_id{1});
  tenants.forget("a", job_id{1}, 300);
  EXPECT_FALSE(tenants.one_too_many("a"));
  ASSERT_TRUE(tenants.enter("a", 1, at(0)));
  tenants.leave("a", job_id{4}, 1, 600);
  tenants.forget("a", job_id{2}, 300);
  EXPECT_FALSE(tenants.one_too_many("a"));
  tenants.forget("a", job_id{3}, 300);
  EXPECT_FALSE(tenants.one_too_many("a"));
}

TEST(tenant_table, tenants_are_bounded_and_idle_ones_make_room) {
  tenant_table tenants({}, 2);
  ASSERT_TRUE(tenants.enter("a", 1, at(0)));
  ASSERT_TRUE(tenants.enter("b", 1, at(0)));
  EXPECT_EQ(tenants.enter("c", 1, at(0)).error().code, errc::busy);
  tenants.leave("a", job_id{1}, 1, 0);
  EXPECT_EQ(tenants.enter("c", 1, at(0)).error().code, errc::busy);  // it could submit at once all it may
  EXPECT_TRUE(tenants.enter("c", 1, at(60'000)));
  EXPECT_EQ(tenants.size(), 2u);
}

}  // namespace
}  // namespace graphite
