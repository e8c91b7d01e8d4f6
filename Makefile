# Everything that a person or CI runs. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STACK ?= familyflow
FORMAT ?= text
CHECKS ?= basic
ifneq ($(origin ENVIRONMENT),command line)
# ENV is for short where it is said here; a shell's own is a file's name, and an ENVIRONMENT of its own means another
ENVIRONMENT := $(if $(filter command,$(origin ENV)),$(ENV),development)
endif
REQUESTS ?= 20000
PYTHON ?= python3
# Many a shell or a CI has some of these for itself: they count only where make is told them
$(foreach name,VERSION COMMIT IMAGES TAKE_OVER FROM BASE ON HOST FILES,$(if $(filter command,$(origin $(name))),,$(eval $(name) :=)))
export STACK FROM BASE ON HOST COMMIT IMAGES VERSION TAKE_OVER FORMAT CHECKS REQUESTS ENVIRONMENT # by the environment, not as text of a command: a value is never a program
VENV := .venv
RUN := $(VENV)/bin/python
UNIT_TESTS := $(RUN) -m pytest tests --ignore tests/hosts --numprocesses logical --dist worksteal
# Two hosts' files at once: one waits where the other works. More would be in each other's way, whatever the machine has
HOST_TESTS := $(RUN) -m pytest tests/hosts --numprocesses 2 --dist loadfile --no-loadscope-reorder

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 22

# Packages are compiled as they are imported, most of the providers' never: half the time, and two thirds of the room
$(VENV)/.program: requirements.txt
	@test -x $(VENV)/bin/python || $(PYTHON) scripts/make_venv.py $(VENV)
	@echo "installing what the program needs" && $(VENV)/bin/pip install --quiet --no-compile --requirement requirements.txt
	@touch $@

$(VENV)/.developer: requirements.txt requirements-dev.txt
	@test -x $(VENV)/bin/python || $(PYTHON) scripts/make_venv.py $(VENV)
	@echo "installing what developers need" && $(VENV)/bin/pip install --quiet --no-compile --requirement requirements.txt --requirement requirements-dev.txt
	@touch $(VENV)/.program $@

setup: $(VENV)/.program ## install what the program itself needs, into .venv

plan: $(VENV)/.program ## show what a stack makes, costs and needs: STACK=, FORMAT=text|markdown|json, FILES=1; BASE=<another checkout> to compare with; or how to move there: FROM=
	@$(RUN) -W ignore -m plan --stack "$$STACK" --format "$$FORMAT" $(if $(filter-out 0,$(FILES)),--files) $(if $(FROM),--from "$$FROM") $(if $(BASE),--base "$$BASE")

rehearse: $(VENV)/.developer ## bring a stack up on this machine with the real engine, and check it from outside: STACK=, CHECKS=basic|all, REQUESTS=; or move there: FROM=
	@$(RUN) -W ignore -m rehearsal $(if $(FROM),move --from "$$FROM",up --checks "$$CHECKS" --requests "$$REQUESTS") --stack "$$STACK"

rehearse-shell: $(VENV)/.developer ## log in to a rehearsed host: STACK=, HOST=<its name> where there are several
	@$(RUN) -m rehearsal shell --stack "$$STACK" --host "$$HOST"

rehearse-down: $(VENV)/.developer ## destroy the rehearsed stack and leave nothing behind
	@$(RUN) -m rehearsal down --stack "$$STACK"

ifeq ($(origin STACK),file)
release rollback recover read-only: STACK := # a default is for what only looks: these act on hosts that serve
endif

release: $(VENV)/.program ## release: STACK=, COMMIT=<40 digits>, or IMAGES='backend=1.9.0 …' (tags or digests), or VERSION=<tag of all images>
	@$(RUN) -m scripts.release --stack "$$STACK" --commit "$$COMMIT" --images "$$IMAGES" --version "$$VERSION"

rollback: $(VENV)/.program ## return to the release before, by the hosts' ledgers: STACK=
	@$(RUN) -m scripts.rollback --stack "$$STACK"

recover: $(VENV)/.program ## finish or undo a release that was interrupted: STACK=, TAKE_OVER=1 to end one that still goes on
	@$(RUN) -m scripts.recover --stack "$$STACK" --take-over "$$TAKE_OVER"

read-only: $(VENV)/.program ## let nobody write (ON=1), or everybody again (ON=0), on every host that serves: STACK=
	@$(RUN) -m scripts.read_only --stack "$$STACK" --on "$$ON"

tools: ## install the programs that the tests run (Debian or Ubuntu, as root)
	@scripts/install_test_tools.sh

lint: $(VENV)/.developer ## style, types, layers
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy .
	@$(VENV)/bin/lint-imports

unit: $(VENV)/.developer tools lint ## every test that needs no host
	@$(UNIT_TESTS)

test: $(VENV)/.developer tools lint ## every test; FamilyFlow's rehearsal with all checks, the others' with the basic ones
	@failed=0; $(UNIT_TESTS) || failed=$$?; $(HOST_TESTS) || failed=$$?; exit $$failed

bench: $(VENV)/.developer ## speed, as ratios measured in one run: STACK=familyflow|prod
	@$(RUN) -m bench

schema: $(VENV)/.developer ## write the schemas and the pages about stack files and kinds anew
	@$(RUN) -m settings.schema > docs/stack.schema.json
	@$(RUN) -m settings.schema like > docs/stack-like.schema.json
	@$(RUN) -m settings.reference > docs/stack-file.md
	@$(RUN) -W ignore -m plan.choosing > docs/choosing.md

env-example: $(VENV)/.program ## print the .env.example of a stack, names and comments only: STACK=
	@$(RUN) -m scripts.env_example --stack "$$STACK"

compose: $(VENV)/.program ## print a product's compose file for a laptop and CI, or as its hosts get it: STACK=, ENVIRONMENT=development|production
	@$(RUN) -m scripts.compose --stack "$$STACK" --environment "$$ENVIRONMENT"

locustfile: $(VENV)/.program ## print a file for Locust that asks for what a product's routes lead to: STACK=
	@$(RUN) -m scripts.locustfile --stack "$$STACK"

clean: ## remove what this project installed into its own folder
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

.PHONY: help setup plan rehearse rehearse-shell rehearse-down release rollback recover read-only tools lint unit test bench schema env-example compose locustfile clean
