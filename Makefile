# make check does what the gate does.
.PHONY: check test train

check:
	.ci/run

test:
	go test ./...

train:
	go run ./tools/crease train uncrumple
