//go:build !linux

package berth

// portRange is 0: only Linux tells its range in a file.
func portRange() int { return 0 }

func portsOf(uintptr) int { return 0 }

// choosePortLate does nothing: only Linux has the option.
func choosePortLate(uintptr) {}
