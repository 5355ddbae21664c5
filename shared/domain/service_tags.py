"""The service tags that may stand for a range of addresses in a rule or a route.

Source: https://learn.microsoft.com/azure/virtual-network/service-tags-overview
"""

from __future__ import annotations

from typing import Final

_ROWS: Final = (
    "actiongroup apimanagement appconfiguration applicationinsightsavailability appservice appservicemanagement",
    "autonomousdevelopmentplatform azureactivedirectory azureactivedirectorydomainservices",
    "azureadvancedthreatprotection azurearcinfrastructure azureattestation azurebackup azurebotservice azurecloud",
    "azurecognitivesearch azureconnectors azurecontainerappsservice azurecontainerregistry azurecosmosdb",
    "azuredatabricks azuredataexplorermanagement azuredeviceupdate azuredevops azuredigitaltwins azureeventgrid",
    "azurefrontdoor azurehealthcareapis azureinformationprotection azureiothub azurekeyvault azureloadbalancer",
    "azureloadtestinginstancemanagement azuremachinelearning azuremachinelearninginference azuremanagedgrafana",
    "azuremonitor azuremonitorforsap azureopendatasets azureplatformdns azureplatformimds azureplatformlkm",
    "azureresourcemanager azuresentinel azuresignalr azuresiterecovery azuresphere azurespringcloud azurestack",
    "azuretrafficmanager azureupdatedelivery azurevideoanalyzerformedia azurewebpubsub batchnodemanagement",
    "chaosstudio cognitiveservicesfrontend cognitiveservicesmanagement datafactory datafactorymanagement",
    "dynamics365businesscentral dynamics365formarketingemail eopexternalpublishedips eventhub gatewaymanager",
    "genevaactions guestandhybridmanagement hdinsight internet kustoanalytics logicapps logicappsmanagement",
    "m365managementactivityapi m365managementactivityapiwebhook microsoftazurefluidrelay microsoftcloudappsecurity",
    "microsoftcontainerregistry microsoftdefenderforendpoint microsoftpurviewpolicydistribution onedscollector",
    "powerbi powerplatforminfra powerplatformplex powerqueryonline scuba securitycopilot serialconsole servicebus",
    "servicefabric sql sqlmanagement storage storagemover storagesyncservice videoindexer virtualdesktop",
    "virtualnetwork windowsadmincenter windowsvirtualdesktop",
)

# In lower case and without a region. What is none of these may be a misspelt tag, or one that Azure has added since:
# it may hold anything.
SERVICE_TAGS: Final = frozenset(name for row in _ROWS for name in row.split())
