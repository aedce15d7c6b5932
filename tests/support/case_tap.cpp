/* SPDX-License-Identifier: MIT */
/*
 * --reporter case-tap: one TAP line a test case (Catch2's own TAP has one an assertion),
 * with what failed in comment lines before it.
 */
#include <catch2/catch_test_case_info.hpp>
#include <catch2/interfaces/catch_interfaces_reporter.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <catch2/reporters/catch_reporter_streaming_base.hpp>

#include <sstream>

namespace
{

class case_tap final : public Catch::StreamingReporterBase
{
public:
	using StreamingReporterBase::StreamingReporterBase;

	static std::string getDescription()
	{
		return "one TAP line a test case";
	}

	void testCaseStarting(const Catch::TestCaseInfo &info) override
	{
		StreamingReporterBase::testCaseStarting(info);
		skipped.clear();
	}

	void assertionEnded(const Catch::AssertionStats &stats) override
	{
		const auto &result = stats.assertionResult;
		if (result.getResultType() == Catch::ResultWas::ExplicitSkip)
			skipped = std::string(result.getMessage());
		if (result.getResultType() == Catch::ResultWas::Warning)
			comment(std::string(result.getMessage()));
		if (result.isOk())
			return;
		std::ostringstream text;
		text << result.getSourceInfo() << ": " << result.getExpressionInMacro();
		if (result.hasExpandedExpression())
			text << "\nwith: " << result.getExpandedExpression();
		if (!result.getMessage().empty())
			text << "\nmessage: " << std::string(result.getMessage());
		for (const auto &info : stats.infoMessages)
			text << "\ninfo: " << info.message;
		comment(text.str());
	}

	void testCaseEnded(const Catch::TestCaseStats &stats) override
	{
		const bool ok = stats.totals.assertions.failed == 0 &&
			stats.totals.testCases.failed == 0;
		m_stream << (ok ? "ok " : "not ok ") << ++count << " - "
			 << stats.testInfo->name;
		if (ok && !skipped.empty())
			m_stream << " # SKIP " << skipped;
		m_stream << '\n' << std::flush;
	}

	void testRunEnded(const Catch::TestRunStats &) override
	{
		m_stream << "1.." << count << '\n' << std::flush;
	}

private:
	void comment(const std::string &text)
	{
		std::istringstream lines(text);
		for (std::string line; std::getline(lines, line);)
			m_stream << "# " << line << '\n';
	}

	int count = 0;
	std::string skipped;
};

} // namespace

CATCH_REGISTER_REPORTER("case-tap", case_tap)
