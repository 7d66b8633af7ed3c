package transcoder_test

import (
	"testing"

	"github.com/msmd/msmd/pkg/transcoder"
	"github.com/msmd/msmd/pkg/transcoder/transcodertest"
)

func TestCBORPassesTheSuite(t *testing.T) { transcodertest.Run(t, transcoder.NewCBOR()) }
