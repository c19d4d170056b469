"""Plain frozen records, one idea per file. Times are Unix seconds (int); identifiers are text."""
