"""The function app: one registration line per blueprint. Settings that cannot be used stop the start here."""

import azure.functions as func

from functions import audit, events, explain, reconcile
from shared import bootstrap

bootstrap.settings()

app = func.FunctionApp()
app.register_functions(events.blueprint)
app.register_functions(reconcile.blueprint)
app.register_functions(audit.blueprint)
app.register_functions(explain.blueprint)
