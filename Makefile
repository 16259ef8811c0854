# What each target needs is in CONTRIBUTING.md.
GO       ?= go
FUZZTIME ?= 20s
SOAK     ?= 1h
LINT     := $(GO) tool -modfile=tools/go.mod golangci-lint
# The race detector needs a C compiler; without one the tests run all the same.
RACE     := $(if $(shell command -v $${CC:-gcc}),-race)

.PHONY: build test demo-unprivileged integration soak deploy-check lint format bench fuzz docs dashboards pictures release

build:
	$(GO) build ./cmd/mailprobe_exporter

test:
	@$(if $(RACE),,echo 'no C compiler: testing without the race detector')
	$(GO) test $(RACE) -shuffle=on -p 2 ./...
	cd dashboards/source && $(GO) test $(RACE) -shuffle=on ./...
	@if [ "$$(id -u)" -eq 0 ]; then $(MAKE) --no-print-directory demo-unprivileged; fi

# Root runs the demo's test once more as nobody, for the demo must need no rights.
demo-unprivileged:
	@set -eu; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; chmod 755 "$$dir"; \
	$(GO) test $(RACE) -c -o "$$dir/demo.test" ./cmd/mailprobe_exporter; \
	cd "$$dir"; \
	setpriv --reuid=65534 --regid=65534 --clear-groups ./demo.test -test.v -test.run '^TestDemo' >"$$dir/log" 2>&1 || { cat "$$dir/log"; exit 1; }; \
	grep '^--- PASS: TestDemo' "$$dir/log" || { echo 'no test of the demo was run as nobody' >&2; exit 1; }

integration:
	integration/install
	$(GO) test -tags integration -count=1 -parallel 16 -timeout 15m -skip '^TestSoak$$' ./integration/...
	$(GO) test -tags integration -count=1 -timeout 10m -run '^TestSoak$$' ./integration

# The test's cache does not know of files outside of its module.
deploy-check:
	cd tools/deploy && $(GO) test -count=1 ./...

# In `make integration` it takes two minutes, alone, and looks for data races, too.
soak:
	integration/install
	SOAK=$(SOAK) MAILPROBE_INTEGRATION_PLAIN=1 $(GO) test -tags integration -count=1 -timeout 0 -v -run '^TestSoak$$' ./integration

lint:
	$(LINT) config verify
	$(LINT) fmt --diff ./...
	$(LINT) run ./...
	cd dashboards/source && $(GO) tool -modfile=../../tools/go.mod golangci-lint run --config ../../.golangci.yml ./...
	cd tools/deploy && $(GO) tool -modfile=../go.mod golangci-lint run --config ../../.golangci.yml ./...
	$(GO) vet -tags integration ./...
	GOOS=windows $(GO) vet ./...

# Not a check: writes the formatting that lint asks for.
format:
	$(LINT) fmt ./...

bench:
	$(GO) test -run '^$$' -bench . -benchmem -p 1 ./...
	integration/install
	MAILPROBE_INTEGRATION_PLAIN=1 $(GO) test -tags integration -run '^$$' -bench '^BenchmarkScaling$$' -benchtime 1x -timeout 30m -v ./integration

fuzz:
	@set -eu; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x "$$pkg"; \
	  done; \
	done

docs:
	$(GO) test ./docs -run '^(TestTables|TestNames)$$' -update
	$(GO) test ./collector -run '^TestDNSCost$$' -update
	$(GO) test ./release -run '^TestNotice$$' -update

dashboards:
	cd dashboards/source && $(GO) run . ../grafana
	$(GO) test ./dashboards -run '^TestCommitted$$' -update

# Not a check: takes a quarter of an hour, for the demo has to be watched.
pictures: build
	cd tools/dashboard-pictures && npm ci --ignore-scripts --no-audit --no-fund && npm run pictures

# What is published of the commit that is checked out, in dist/.
release:
	$(GO) run ./release
