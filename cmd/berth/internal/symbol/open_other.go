//go:build !linux

package symbol

import (
	"os"
	"path/filepath"
)

func openRegular(name string) (*os.File, error) { return os.Open(name) }

func openBelow(root, name string) (*os.File, error) { return os.Open(filepath.Join(root, name)) }
