"""What the page says around its tables."""

SCRAPES = """\
## Scrapes

{when}

![Milliseconds of a scrape by number of series](benchmarks/scrapes.svg)

Milliseconds, p50 / p99. Each serves the same series, from memory where it can; postgres_exporter asks the database at each
scrape. One scraper keeps its connection where the server does; *10 at once* are ten processes on the same processors, so that
they wait for one another as well.

{table}
With {series:,} series a scrape (gzip) of ours takes {rest} ms at rest, and {publishing} ms while all of them change and are
published without a pause. Only what changes is written and compressed anew, in pieces, and the garbage collector has nothing to
look through: it stopped all threads for 60 ms and more. There is no ETag: Prometheus asks for none.
"""

ROUNDS = """\
## Rounds

{when}

![Buffers of a round by rows of the delivery log](benchmarks/rounds-buffers.svg)

![Milliseconds of a round by rows of the delivery log](benchmarks/rounds-milliseconds.svg)

PostgreSQL {postgresql}, counted by pg_stat_statements with planning; the median of the runs. Besides the delivery logs there
are 10,000 deliveries, 200,000 statistics, 200,000 parts and twenty deliveries that wait. *By hand* asks the least that gives
the same facts, by one who knows all indexes; the other exporters ask what one writes who knows the tables. Of ours answer the
collectors that are about the same (affinity, deliveries, pending, throughput, database), each in a transaction of its own, so
that one that fails takes no other with it: what two collectors need is read twice. The fewer deliveries there are, the more
that weighs: of a thousand deliveries ours reads 754 buffers, and a hand 250. *All that it tells* is a round of every collector
that is on by default, hygiene and all, for whose answers nobody else was asked. A `FETCH` reads what a statement with several
thousand rows gives.

{table}
What each collector costs at {most:,} delivery logs, and at its default interval in a minute; the budget is 600 ms a minute:

{collectors}
The dearest statements of our round at {most:,} delivery logs, by buffers:

{dearest}
<details><summary>What the others are asked, and what is asked by hand</summary>

```sql
{naive}

-- by hand
{best}
```

</details>
"""

FAULTS = """\
## Faults

{when}

![Milliseconds of scrapes over time, with a lock of thirty seconds](benchmarks/locked.svg)

All look at the same database at the same time, every 15 s or at each scrape; each is scraped twice a second. *Stale in
silence*: at the end of the fault values were served that cannot be of its time, and no metric said so. Where scrapes fail,
all is gone, also what has nothing to do with the database.

{table}"""

REST = """\
## At rest

{when}

One instance that sends, looked at for {seconds:.0f} s and scraped every 15 s, at the intervals that are shipped; the others
look every 15 s.

{table}
Ours with ten instances and {series:,} series: {processor:.2%} of a core, {highest:.0f} MiB at most, {threads} threads.
"""

SOAK = """\
## Over time

{when}

![RSS over the soak](benchmarks/soak.svg)

{minutes:.0f} minutes of one instance that sends, scraped every 15 s: {processor:.2%} of a core; RSS {first:.1f} MiB at the
start, {last:.1f} MiB at the end, in the last quarter {growth:.3f} times that of the second.
"""

PROFILE = """\
## Profile

{when}

Own time under cProfile, which slows Python down by itself: what matters are the proportions. What profiles have shown, and
what was made of it:

- Most of a scrape is the kernel's copy of the body, in one call of `send`; h11 and uvicorn take a fifth of a millisecond,
  and nothing is logged. Neither joining headers and body nor corking the socket made it faster.
- A family was written anew as a whole, by prometheus_client, when one of its samples changed: 11 microseconds a line, now 2,
  and only for 500 lines around what changed. A third of it is the text of the number, still prometheus_client's own.
- At 100,000 series the garbage collector stopped all threads for 60 to 270 ms. Samples are plain texts and numbers now, which
  it does not look through.
- Python hands the interpreter on after 5 ms, several times a scrape: the web server asks for half a millisecond.
- Of the 2,170 buffers of a round 1,830 were the IP affinities of the last hour, which looked each delivery up once for each
  of its statistics; now once.
- With ten instances a third of the memory was free, but in the heaps of other threads; now all share one.

{profiles}"""

PROFILED = """\
### {title}

{total:.2f} ms of work, {waiting:.2f} ms of waiting.

{table}"""

TITLES = {
    "round": "A round of all collectors of one instance, with its hosts and endpoints",
    "scrape": "A scrape of 10,000 series, gzip",
    "publish": "Publishing 10,000 series that have all changed",
}
