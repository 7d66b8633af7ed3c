// Package faults runs msmd under faults and checks the histories. It is not
// part of CI yet: its tests need the build tag faults.
//
//	MSMD_TEST_BACKEND=local go test -tags faults ./e2e/faults -run TestNemesis -faults.duration=3m -faults.strict
//	go test -tags faults -timeout 20m ./e2e/faults -run TestMutants -faults.mutants
//
// With the tag repro as well, TestRepro holds violations that were found and
// are not all mended.
package faults
