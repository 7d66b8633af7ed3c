.PHONY: build test ci demo compose-check fuzz

build:
	CGO_ENABLED=0 go build -trimpath -o msmd ./cmd/msmd

test:
	go test ./...

ci:
	bash .ci/run

demo:
	go run ./cmd/msmd demo

compose-check:
	deploy/compose-check.sh

fuzz:
	.ci/fuzz.sh
