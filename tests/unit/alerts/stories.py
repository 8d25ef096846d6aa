"""All stories."""

from unit.alerts import (
    stories_affinities,
    stories_bounces,
    stories_collectors,
    stories_deliveries,
    stories_errors,
    stories_exporter,
    stories_hosts,
    stories_outlook,
    stories_platform,
    stories_processes,
    stories_stuck,
    stories_throughput,
    stories_tracking,
)

STORIES = (
    *stories_stuck.STORIES,
    *stories_deliveries.STORIES,
    *stories_throughput.STORIES,
    *stories_errors.STORIES,
    *stories_bounces.STORIES,
    *stories_tracking.STORIES,
    *stories_outlook.STORIES,
    *stories_processes.STORIES,
    *stories_hosts.STORIES,
    *stories_affinities.STORIES,
    *stories_platform.STORIES,
    *stories_exporter.STORIES,
    *stories_collectors.STORIES,
)
