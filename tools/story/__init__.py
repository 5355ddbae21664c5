"""The story that ``make demo`` plays: a scenario written as data, the local Azure, the app, and witnesses."""
