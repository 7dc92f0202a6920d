import type { DetectorRule } from '../rule.ts';
import { sampleOf } from './prefixed.ts';

/**
 * Services whose keys have no shape of their own: a random-looking token counts as one when the service's name stands shortly
 * before it. One name a service; `/` separates spellings.
 */
const services =
  `abbysale abstractapi abuseipdb accuweather activecampaign adafruit/adafruitio adobe adzuna aeroworkflow airbrake airship airtable airvisual aiven
akamai alchemy alconost alegra aletheia algolia alibaba/aliyun alienvault allsports alphavantage amadeus ambee amplitude anypoint apacta apideck
apiflash apify apilayer apimatic apimetrics apitemplate apollo appcues appdynamics appfollow appoptics appsynergy apptivo appveyor artifactory artsy
asana assemblyai atera atlassian audd auth0 autodesk autoklose autopilot avaza aviationstack avalara axonaut aylien ayrshare azure backblaze bambora
bamboohr bannerbear baremetrics baseapi beamer beebole besnappy besttime betterstack/betteruptime billomat bing bitbar bitbucket bitcoinaverage
bitfinex bitgo bitlaunch bitly bitmex bitquery bitrise blablabus blazemeter blitapp blockchair blocknative blogger bombbomb boostnote borgbase
braintree brandfetch braze brevo bronto browserstack browshot bscscan buddyns budibase bugherd bugsnag buildkite bulksms buttercms caflou calendarific
calendly calorieninja campayn cannyio/canny capsulecrm captaindata carboninterface cashboard caspio censys centralstation cexio chaindesk chargebee
chartmogul chatfule checio checklyhq/checkly checkmarket checkvist circleci clarifai clearbit clickatell clicksend clickup cliengo clinchpad clockify
clockworksms closecrm cloudconvert cloudelements cloudflare cloudimage cloudinary cloudmersive cloudplan cloudsmith cloverly cloze clustdoc coda
codacy codeclimate codecov codemagic codequiry cohere coinapi coinbase coinlayer coinlib commercejs companyhub confluence confluent contentful
contentstack contribsys convertapi convertkit convier copyscape couchbase countrylayer coveralls craftmypdf crossbrowser crowdin crowdstrike
cryptocompare currencycloud currencyfreaks currencylayer currencyscoop currentsapi customerguru customerio d7network dailyco/daily databricks
datadog/ddog datagov debounce deepai deepgram deepl deepseek demio deno deputy detectify detectlanguage dfuse diffbot diggernaut digicert digitalocean
discogs discord dnscheck dnsimple docker/dockerhub docparser documo docusign doppler dotdigital dovico draftable dribbble droneci/drone dropbox duda
duffel duply dwolla dynadot dynalist dynatrace dyspatch e2enetworks eagleeye easyinsight easypost ecostruxure edamam edenai eightxeight
elastic/elasticsearch elasticemail elevenlabs enablex endorlabs enphase eraser etherscan ethplorer etsy eventbrite everhour exchangerate exotel
exportsdk extractorapi facebook faceplusplus fastforex fastly fastspring faunadb fetchrss fibery figma fileio finage financialmodelingprep findl
finicity finnhub fixer flatio fleetbase flexport flickr flightapi flightlabs flightstats flowflu flutterwave foursquare frameio freshbooks freshdesk
freshservice freshsales frontapp fulcrum fullcontact fullstory fxmarket gandi geckoboard gemini gengo geoapify geocode geocodify geocodio geoip
geoipifi getambassador getcredly getemail getemails getgeoapi getgist getimg getpocket getresponse getsandbox giphy gitbook github gitlab gitter
glassnode gocanvas gocardless godaddy goodday google/gcp graceperiod grafana graphcms graphhopper grammarly greenhouse groovehq groq gtmetrix
guardianapi gumroad gyazo happyscribe harness hashicorp heatmapapi hellosign helpcrunch helpscout hereapi heroku hetzner highnote hightouch hiveage
hiveworks holidayapi holistic honeybadger honeycomb hotjar html2pdf hubspot huggingface humanity hunter hybiscus hypertrack ibm/watson iconfinder
iexapis/iexcloud illumidesk imagekit imagga imgix impala infobip infura inspectlet instabot nimbleway instagram instamojo intercom interseller intra42
intrinio invoiceocean ipapi ipdata ipgeolocation ipify ipinfo ipinfodb ipquality ipstack jdbc jenkins jira jotform jumpcloud jumpseller juro
jupiterone kaggle kairos kaleyra kanban kanbantool karmacrm keenio keeper kickbox klaviyo klipfolio knapsackpro kontent kraken kucoin kylas lambdatest
languagelayer larksuite launchdarkly leadfeeder leadzen lemlist lemonsqueezy lendflow lessannoyingcrm lexigram linemessaging linenotify
linkedin/linked_in linkpreview liveagent livestorm locationiq logglyy/loggly loggr loginradius logrocket logzio lokalise loopnet loyverse luno
lunchmoney lusha madkudu magicbell magento mailboxlayer mailboxvalidator mailchimp mailerlite mailgun mailjet mailmodo mailsac mailtrap mandrill
mapbox mapquest marketstack mattermost mavenlink maxmind meaningcloud mediastack meilisearch meistertask meraki mesibo messagebird metaapi metabase
metrilo microlink midise mindmeister mite mixmax mixpanel mockaroo mojohelpdesk mongodb monkeylearn moonclerk moosend moralis mrticktock myexperiment
myfreshworks myintervals nasdaq/nasdaqdatalink nethunt netcore netlify netsuite neutrino newrelic/new_relic newsapi newscatcher nexmo/vonage nftport
ngrok nicereply nightfall notion nozbe npm nubela numverify nutritionix nvidia nylas nytimes oanda okta omnisend onedesk onelogin oneuptime onesignal
onepagecrm onfleet onwater oopspam openai opencage/opencagedata openexchange opengraph openrouter openuv openvpn openweather/openweathermap opsgenie
optimizely ossindex outbrain overloop owlbot packagecloud pagarme pagerduty paddle palantir pandadoc pandascore papyrs paralleldots parsehub parseur
partnerstack passbase paydirt paymo paymongo paypal paystack pdflayer pdfshift peopledatalabs pepipost percy perplexity photoroom phraseaccess pinata
pinecone pingdom pipedream pipedrive pivotaltracker pixabay plaid planetscale planhat planviewleankit planyo plivo podio pollsapi poloniex portainer
positionstack postageapp postbacks posthog postman postmark powrbot prefect price2spy prodpad prospectcrm proxycrawl pubnub pulumi purestake
pushbullet pusher pushover qase qualaroo qualtrics qubole quickmetrics ramp rapidapi rawg razorpay reachmail readme reallysimple rebrandly recaptcha
recurly reddit redhat/redhatpyxis remot rentman repairshopr replicate replyio/reply requestfinance resend restpack revamp ringcentral ritekit
rocketreach rollbar route4me rownd runpod runrunit saladcloud salesblink salescookie salesflare salesforce salesloft salesmate sanity satismeter
saucelabs scalewaykey/scaleway scalingo scrapeowl scraperapi scraperbox scraperstack scrapestack scrapfly scrapingant scrapingbee scrapin
screenshotapi screenshotlayer scrutinizerci securitytrails selectpdf semaphore semrush sendbird sendgrid sendinblue sendpulse sendsafely sentry
serpapi serpstack serphouse sheety sherpadesk shipday shippo shodan shopify shortio shotstack shutterstock sidekiq sigopt signable signalwire
signaturit signupgenius simfin simplesat simplybook simplynoted simvoly sinch sirv siteleaf skrapp skybiometry slack smartsheet smartystreet/smarty
smooch snipcart snowflake snyk snapchat sonarcloud/sonarqube sonar sourcegraph southernapis/sparkpost speechtext splunk splunkobservability
spoonacular sportradar sportsmonk spotify squarespace squareup sslmate statuscake statuspage statuspal stitchdata stockdata storecove stormboard
stormglass storyblok storychief strava streak stripe stripo stytch sugester sumologic/sumo supabase supernotes surveyanyplace surveybot surveysparrow
survicate swiftype tableau tailscale talenox tallyfy tatum tavily taxjar teamgate teamviewer teamwork/teamworkcrm/teamworkdesk technicalanalysis
tefter telegram teletype telnyx terraform testingbot textmagic theoddsapi thingsboard thinkific thousandeyes thunderforest ticketmaster ticktick
tiingo timecamp timekit timezoneapi tineye tmetric todoist tokeet tomorrowio toggl tomtom tradier transferwise travelpayouts travisci/travis trello
trufflehog twelvedata twilio twitch twitter typeform typetalk tyntec ubidots uberall unplugg unsplash untappd upcdatabase uplead uploadcare
uptimerobot upwave uservoice userflow userstack vagrant vatlayer vault vbout vercel verimail veriphone versioneye viewneo virustotal visualcrossing
voiceflow voicegain vouchery vpnapi vultr vyte walkscore wandb weatherbit weatherstack webex webflow webscraper webscraping websitepulse
weightsandbiases whoxy wiz woodpecker woopra woosmap wordnik workato workday workstack worldcoinindex worldweather wrike xero xai xata yahoo yandex
yodlee youneedabudget/ynab yousign youtube zapier zendesk zenkit zenrows zenscrape zenserp zeplin zerobounce zerotier zillow zipapi zipbooks
zipcodeapi ziplines zohocrm/zoho zonkafeedback/zonka zulip zuplo artificialanalysis anthropic claude mistral cerebras fireworks deepinfra anyscale
langchain langsmith langfuse helicone portkey weaviate qdrant milvus zilliz coreweave togetherai voyageai jinaai nomic unstructured llamaindex serper
firecrawl browserbase stackblitz replit sendbird novu neon turso upstash railway flyio koyeb northflank clickhouse timescale influxdb cockroachdb
singlestore starburst dremio fivetran airbyte hevo rudderstack statsig flagsmith unleash growthbook configcat incidentio rootly firehydrant squadcast
victorops/splunkoncall instatus cronitor healthchecks sematext coralogix lightstep bugfender crashlytics newfold rapid7 tenable qualys veracode
checkmarx blackduck sonatype jfrog gitea gogs codeberg launchpad perforce phabricator gerrit teamcity bamboo octopus spinnaker argocd buildbuddy
bitrisekey appcenter testflight fastlane braintreepayments adyen mollie klarna afterpay affirm worldpay authorizenet cybersource payoneer revolut
monzo nftport2 agoraio zoomus squareup linearapp mondaycom segmentio polygonio nimble square linear courier monday mux lob segment`
    .split(/\s+/)
    .filter((name) => name !== '')
    .map((name) => name.split('/'));

const ambiguous = new Set(
  'nimble square linear courier monday segment rapid7 impala notion vault elastic docker google'.split(' '),
);

/** The rules in the order of the list; a name given twice counts once. */
export const vendorContextRules: readonly DetectorRule[] = services
  .filter((names, index) => services.findIndex((each) => each[0] === names[0]) === index)
  .map((names): DetectorRule => {
    const name = names[0] ?? '';
    const plain = ambiguous.has(name) || name.length < 4;
    return {
      id: `vendor-${name.replaceAll('_', '-')}`,
      version: 1,
      class: 'secret.vendor_key',
      keywords: names,
      window: { before: 0, after: plain ? 24 : 48 },
      subject: 'token',
      pattern: plain ? '[A-Za-z0-9_+/=.~-]{20,512}' : '[A-Za-z0-9_+/=.~-]{12,512}[A-Za-z0-9_+/=.~-]{0,512}',
      priority: 30,
      examples: {
        hit: [`${name}_key = '${sampleOf('lower', 32)}'`, `${name} token ${sampleOf('alnum', 40)}`],
        miss: [`${name} deployment finished`, `${name} commit ${sampleOf('hex', 40)}`],
      },
    };
  });
