# Everything below works from a fresh clone with python3.11 or newer and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Many processes are begun by the tests: each would compile all of the package where bytecode may not be kept.
export PYTHONDONTWRITEBYTECODE :=
PEERS  := $(VENV)-bench/.ready
SITE   := $(VENV)-docs/.ready

.PHONY: help demo test test-oldest docs lint audit package links fuzz check coverage kill-storm simulation memory manners toxic storm scale many-domains sitemaps rules-speed start-cost export-kills many-crawls slow-disk many-schedules soak many-links outages clock-steps fleet fleet-scale ray ui-cost adaptive browser-kills browser-pages proofs bench profile browser clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / - /'

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "scraper needs python3.11 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

# Four tests at once on two cores can keep a server's half second from one of them. What fails beside others is run again
# by itself, and fails for good there; both runs are printed, so that a test that needs it is seen.
ALONE  := { [ $$? -eq 1 ] && echo "failed beside others; now by themselves:" && \
	$(BIN)/python -m pytest -m "not slow" --last-failed --last-failed-no-failures none; }

demo: $(READY)  ## serve the bundled shop on loopback, crawl it, show the result
	$(BIN)/scraper demo

test: $(READY)  ## all tests but the slow proofs; 6 to 8 minutes on two cores
	$(BIN)/python -m pytest -m "not slow and not timing" -n 4 --dist worksteal || $(ALONE)
	$(BIN)/python -m pytest -m timing tests/crawl || $(ALONE)

# Playwright wants a greenlet that httpbin, a server of the tests, does not have.
$(VENV)-browser/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)-browser
	$(VENV)-browser/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)-browser/bin/python -m pip install --quiet --editable ".[browser]" --group browser
	@touch $@

browser: $(VENV)-browser/.ready  ## the tests of pages that a browser draws; a minute (needs Chromium)
	$(VENV)-browser/bin/python -m pytest -m "not slow" -n 2 --dist worksteal tests/browser

$(SITE): pyproject.toml
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)-docs/bin/python -m pip install --quiet --editable . --group docs
	@touch $@

docs: $(SITE)  ## a site of these pages, in build/docs; warnings are errors
	$(VENV)-docs/bin/python -m sphinx -b html -W --keep-going --quiet docs build/docs

lint: $(READY)  ## ruff, mypy, and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

coverage: $(READY)  ## the tests with a report of what they reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not slow"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

test-oldest: pyproject.toml  ## the unit tests with the oldest dependencies that pyproject.toml allows
	$(PYTHON) -m venv --clear $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(PYTHON) tests/oldest.py > $(VENV)-oldest/constraints.txt
	$(VENV)-oldest/bin/python -m pip install --quiet --editable . --group dev --constraint $(VENV)-oldest/constraints.txt
	$(VENV)-oldest/bin/python -m pytest -m "not slow" -n 2 --dist worksteal tests/unit tests/conformance tests/crawl/test_demo_shop.py

check: lint audit docs test browser test-oldest  ## all that CI runs

# Each Python that is there, by an environment of its own: PYTHONS="python3.12 /opt/python3.13/bin/python3".
package: $(READY)  ## wheel and sdist: checked, and installed where nothing else is, on each Python in PYTHONS
	$(BIN)/python -m tests.proofs.package $(PYTHONS) $(ARGS)

links: $(READY)  ## the links of docs/ to other sites, each asked once; needs the internet, and is not part of CI
	$(BIN)/python -m tests.proofs.links $(ARGS)

audit: $(READY)  ## that what is installed fits together; SECURITY.md lists it, and says how it is looked after
	$(BIN)/python -m pip check
	$(BIN)/python -m pytest tests/security/test_dependencies.py

fuzz: $(READY)  ## every reader of what the web and users write, ten minutes each; ARGS="--minutes 1 --only html"
	$(BIN)/python -m tests.fuzz $(ARGS)

kill-storm: $(READY)  ## crawls killed with SIGKILL at random moments: nothing lost, nothing twice
	$(BIN)/python -m tests.proofs.kill_storm $(ARGS)
	$(BIN)/python -m tests.proofs.kill_storm --processes 2 $(ARGS)
	$(BIN)/python -m tests.proofs.kill_storm --parsers 2 $(ARGS)

simulation: $(READY)  ## crawls on several processes, and workers, in virtual time, killed, cut off, restarted by 600 seeds; ARGS="--seeds 0-2000"
	$(BIN)/python -m tests.simulation --seeds 0-300 $(ARGS)
	$(BIN)/python -m tests.simulation --size workers --seeds 0-300 $(ARGS)
	$(BIN)/python -m tests.simulation --size large --seeds 0-5 $(ARGS)
	$(BIN)/python -m pytest -q -m slow tests/simulation

memory: $(READY)  ## peak memory on 20,000 pages against 2,000
	$(BIN)/python -m tests.proofs.memory $(ARGS)

manners: $(READY)  ## fifty domains with a delay: never undercut, hardly any time lost
	$(BIN)/python -m tests.proofs.manners $(ARGS)

adaptive: $(READY)  ## delay: auto on servers whose capacity halves, beside AutoThrottle (make .venv-bench/.ready)
	$(BIN)/python -m tests.proofs.adaptive $(ARGS)

toxic: $(READY)  ## a crawl through a proxy that delays, cuts bodies and closes idle connections
	$(BIN)/python -m tests.proofs.toxic $(ARGS)

storm: $(READY)  ## 5,000 mishaps of servers over 20 domains: every URL accounted for, memory bounded
	$(BIN)/python -m tests.proofs.storm $(ARGS)
	$(BIN)/python -m tests.proofs.storm --processes 2 $(ARGS)

scale: $(READY)  ## a million queued URLs over ten thousand domains: at work at once, memory bounded
	$(BIN)/python -m tests.proofs.scale $(ARGS)

many-domains: $(READY)  ## ten thousand domains of twenty pages: connections used again, memory bounded
	$(BIN)/python -m tests.proofs.many_domains $(ARGS)

rules-speed: $(READY)  ## a crawl by rules against the same by a spider written by hand, by CPU time
	$(BIN)/python -m tests.proofs.rules_speed $(ARGS)

start-cost: $(READY)  ## what a crawl of one page and --version cost to start, against `import requests`
	$(BIN)/python -m tests.proofs.start_cost $(ARGS)

sitemaps: $(READY)  ## a million URLs from an index of twenty sitemaps: each queued once, memory bounded
	$(BIN)/python -m tests.proofs.sitemaps $(ARGS)

slow-disk: $(READY)  ## a crawl on a disk that takes a second to sync: most of its speed is left
	$(BIN)/python -m tests.proofs.slow_disk $(ARGS)

many-schedules: $(READY)  ## two hundred crawls due at once on one daemon: once each, a few at a time, in 64 open files
	$(BIN)/python -m tests.proofs.many_schedules $(ARGS)

soak: $(READY)  ## 200,000 pages of 2,000 domains in 20 minutes, with kills and outages: once each, nothing grows
	$(BIN)/python -m tests.proofs.soak $(ARGS)

export-kills: $(READY)  ## every kind of export killed 30 times at random: every item once, nothing half
	$(BIN)/python -m tests.proofs.export_kills $(ARGS)

outages: $(READY)  ## a server that restarts for 6 s, or is down at the start: no page fails, no attempt is used
	$(BIN)/python -m tests.proofs.outages $(ARGS)

fleet: $(READY)  ## a crawl and three workers on PostgreSQL, killed, stopped and cut off, and the database too: all once, one owner
	$(BIN)/python -m pytest -m slow tests/postgres
	$(BIN)/python -m tests.proofs.fleet_storm $(ARGS)
	$(BIN)/python -m tests.proofs.fleet_storm --shop --kills 15 --delay 0.3 $(ARGS)
	$(BIN)/python -m tests.proofs.fleet_partition

# Ray is heavy, and needed for nothing else here.
$(VENV)-ray/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)-ray
	$(VENV)-ray/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)-ray/bin/python -m pip install --quiet --editable ".[ray,postgres]"
	@touch $@

ray: $(VENV)-ray/.ready  ## workers on a Ray cluster of three nodes; one, a raylet, and the crawl killed: all once, one owner
	$(VENV)-ray/bin/python -m tests.proofs.ray_cluster $(ARGS)

fleet-scale: $(READY)  ## ten million queued URLs in PostgreSQL: claims of 100 domains, the first request, memory; the pace of two workers
	$(BIN)/python -m tests.proofs.fleet_scale $(ARGS)
	$(BIN)/python -m tests.proofs.fleet_pair

browser-kills: $(VENV)-browser/.ready  ## a crawl by a browser, and its browser, killed 20 times: every product once, no process and no profile left
	$(VENV)-browser/bin/python -m tests.proofs.browser_kills $(ARGS)

$(VENV)-browser-bench/.ready: pyproject.toml tests/bench/peers/browser.txt
	$(PYTHON) -m venv $(VENV)-browser-bench
	$(VENV)-browser-bench/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)-browser-bench/bin/python -m pip install --quiet --editable ".[browser]" --requirement tests/bench/peers/browser.txt
	@touch $@

browser-pages: $(VENV)-browser-bench/.ready  ## 500 pages drawn on two domains: memory, delays, pace beside scrapy-playwright and crawlee
	$(VENV)-browser-bench/bin/python -m tests.proofs.browser_pages $(ARGS)

ui-cost: $(READY)  ## what the live page takes from a crawl that it shows
	$(BIN)/python -m tests.proofs.ui_cost $(ARGS)

clock-steps: $(READY)  ## the clock set back by an hour and forward by two: crawl and schedule go on (needs a C compiler)
	$(BIN)/python -m tests.proofs.clock_steps $(ARGS)

many-crawls: $(READY)  ## 2,000 crawls in one process: none raises, nothing grows
	$(BIN)/python -m tests.proofs.many_crawls $(ARGS)

many-links: $(READY)  ## pages of 5,000 and 20,000 new links: connections, memory, log and the end within their bounds
	$(BIN)/python -m tests.proofs.many_links $(ARGS)

proofs: kill-storm simulation memory manners toxic storm scale many-domains sitemaps rules-speed start-cost export-kills slow-disk many-schedules soak many-crawls many-links outages clock-steps ui-cost adaptive  ## all proofs that take minutes
	$(BIN)/python -m pytest -m slow

# The other crawlers have an environment of their own, so that none of them is in the way of the tests.
$(PEERS): pyproject.toml tests/bench/peers/requirements.txt
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)-bench/bin/python -m pip install --quiet --editable . --requirement tests/bench/peers/requirements.txt
	@touch $@

bench: $(PEERS)  ## this against other crawlers, on the same pages; ARGS="--rounds 5 --only css,tuned --write"
	$(VENV)-bench/bin/python -m tests.bench $(ARGS)

profile: $(PEERS)  ## where a page's microseconds go, by thread and part
	$(VENV)-bench/bin/python -m tests.bench.profile $(ARGS)

clean:  ## remove the environment and what tools left
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-bench $(VENV)-ray $(VENV)-browser $(VENV)-browser-bench .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist build
