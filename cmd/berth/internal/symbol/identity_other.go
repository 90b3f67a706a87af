//go:build !unix

package symbol

import "os"

func identity(os.FileInfo) string { return "" }

func inode(string) uint64 { return 0 }

func sameOwner(os.FileInfo, os.FileInfo) bool { return false }
