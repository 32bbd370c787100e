"""Speed and memory as ratios against other tools in the same run; never a timed test."""
