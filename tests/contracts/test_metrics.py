"""The registry is whole: every metric that is defined, with all that has to be said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ldresearch.vocabulary import Direction, Metric, metrics

LEVELS = {"efficiency", "effectiveness", "outcome", *(f"Kirkpatrick {i}" for i in (1, 2, 3, 4))}

DEFINED = {
    "RFM": ["rfm_recency", "rfm_frequency", "rfm_minutes"],
    "Usage segments": ["usage_segment_share"],
    "Behaviour clusters": ["cluster_stability"],
    "P(alive)": ["p_alive"],
    "Learner NPS": ["nps", "response_rate"],
    "PMF survey": ["pmf_share"],
    "Kano": ["kano_better", "kano_worse"],
    "Pirate funnel": ["funnel_step", "activation_rate", "referral_share", "effect"],
    "Activation rate (W)": ["activation_rate", "activation_naive"],
    "Time to first value": ["time_to_first_value"],
    "Adoption S-curve": ["bass_p", "bass_q", "bass_ceiling", "adoption_peak", "adoption_share"],
    "Rogers groups": ["rogers_group_share"],
    "DAU/WAU/MAU, stickiness": ["dau", "wau", "mau", "stickiness", "active_days_28"],
    "Retention": ["retention_at"],
    "Lifecycle": ["lifecycle_active", "lifecycle_dormant", "quick_ratio"],
    "Funnel": ["funnel_step", "funnel_step_days"],
    "Engagement survival": ["survival_median", "survival_at", "rmst", "rmst_difference",
                            "hazard_ratio", "cumulative_incidence", "gap_days"],
    "Campaign effect": ["campaign_lift", "lift_half_life", "level_change", "campaign_att",
                        "campaign_effect", "pooled_effect", "smallest_p", "cost_per_activated"],
    "Current level": ["current_level", "source_bias"],
    "Gap, shortfall, coverage": ["skill_shortfall", "target_coverage", "rating_coverage"],
    "Readiness": ["readiness"],
    "Self-rating bias": ["self_difference"],
    "Skill-gap clusters": ["cluster_stability", "cohort_size", "hours_to_close"],
    "Recommender": ["recall_at_k", "ndcg_at_k", "map_at_k", "catalogue_coverage", "novelty",
                    "recall_gap", "gap_closing_at_k"],
    "Uplift": ["uplift_at_k", "qini"],
    "Growth opportunity": ["role_readiness", "reachable_roles", "door_gain", "selection_ratio",
                           "application_rate", "move_rate", "move_ratio", "related_auc"],
    "Measurement plan": ["value_reach", "value_days", "active_weeks", "learning_minutes"],
    "MDE and n": ["mde", "planned_n", "planned_power", "design_effect", "icc", "planned_events"],
    "Monitoring": ["primary_difference", "sample_ratio_p", "guardrail_difference"],
    "Decision": ["primary_difference", "forecast_difference"],
    "Impact ladder": ["reaction_mean", "effect", "roi", "benefit_cost_ratio"],
}  # fmt: skip
"""Analyses of the design's definitions, and the metrics that carry their numbers."""


@pytest.mark.parametrize("metric", metrics().values(), ids=lambda m: m.id)
def test_everything_is_said_of_a_metric(metric: Metric) -> None:
    assert metric.label[0].islower() or metric.label.isupper() or not metric.label[0].isalpha()
    assert metric.definition.endswith(".")
    assert metric.level in LEVELS
    assert metric.unit
    assert metric.status in ("reported", "planned")
    assert metric.gameability in ("low", "medium", "high"), (
        f"{metric.id}: say in the registry how easily it is moved without anyone learning more"
    )
    assert metric.gameable_because.endswith(".")


@pytest.mark.parametrize("analysis", DEFINED)
def test_every_analysis_has_its_metrics(analysis: str) -> None:
    assert [name for name in DEFINED[analysis] if name not in metrics()] == []


def test_every_definition_of_the_design_is_covered(root: Path) -> None:
    file = root.parent / "shared" / "design" / "definitions.md"
    if not file.is_file():
        pytest.skip("the design's definitions (../shared/design) are not here")
    rows = re.findall(r"^\| ([^|]+) \|", file.read_text(encoding="utf-8"), re.MULTILINE)
    rows = [row for row in rows if row not in ("analysis",) and set(row) - set("-")]
    assert len(rows) > 25, "the search finds nothing any more"
    assert [row for row in rows if row not in DEFINED] == []


def test_what_a_plan_may_name_has_a_direction_and_is_reported() -> None:
    usable = [metric for metric in metrics().values() if metric.plan]
    assert len(usable) == 8
    for metric in usable:
        assert metric.direction is not Direction.NEITHER
        assert metric.status == "reported"
        assert metric.plan in ("proportion", "mean", "time")
