import type { DetectorRule } from '../rule.ts';
import { sampleOf } from './prefixed.ts';

/**
 * Services whose keys have no shape of their own: a random-looking token counts as one when the service's name stands shortly
 * before it. One name a service; `/` separates spellings.
 */
const services =
  `abbysale abstractapi abuseipdb accuweather activecampaign adafruit/adafruitio adobe adzuna aeroworkflow agora aha airbrake airship airtable airvisual aiven
  akamai alchemy alconost alegra aletheia algolia alibaba/aliyun alienvault allsports alphavantage amadeus ambee amplitude anypoint apacta apideck apiflash
  apify apilayer apimatic apimetrics apitemplate apollo appcues appdynamics appfollow appointed appoptics appsynergy apptivo appveyor artifactory artsy asana assemblyai
  atera atlassian audd auth0 autodesk autoklose autopilot avaza aviationstack avalara axonaut aylien ayrshare azure backblaze bambora bamboohr bannerbear baremetrics
  baseapi beamer beebole besnappy besttime betterstack/betteruptime billomat bing bitbar bitbucket bitcoinaverage bitfinex bitgo bitlaunch bitly bitmex bitquery bitrise blablabus blazemeter
  blitapp blockchair blocknative blogger bombbomb boostnote borgbase box braintree brandfetch braze brevo bronto browserstack browshot bscscan buddyns budibase buffer bugherd bugsnag buildkite bulbul
  bulksms buttercms caflou calendarific calendly calorieninja campayn cannyio/canny capsulecrm captaindata carboninterface cashboard caspio censys centralstation cexio chaindesk chargebee chartmogul chatbot chatfule
  checio checklyhq/checkly checkmarket checkout checkvist cicero circleci clarifai clearbit clickatell clickhelp clicksend clickup cliengo clinchpad clockify clockworksms closecrm/close cloudconvert cloudelements cloudflare cloudimage cloudinary
  cloudmersive cloudplan cloudsmith cloverly cloze clustdoc coda codacy codeclimate codecov codemagic codequiry cohere coinapi coinbase coinlayer coinlib collect2 column commercejs commodities companyhub confluence confluent contentful contentstack
  contribsys convertapi convertkit convier copper copyscape couchbase countrylayer courier coveralls craftmypdf crossbrowser crowdin crowdstrike cryptocompare currencycloud currencyfreaks currencylayer currencyscoop currentsapi customerguru customerio d7network
  dailyco/daily dandelion databricks datadog/ddog datagov debounce deepai deepgram deepl deepseek delighted demio deno deputy detectify detectlanguage dfuse diffbot diggernaut digicert digitalocean discogs discord dnscheck dnsimple docker/dockerhub docparser
  documo docusign doppler dotdigital dovico draftable dribbble drift drip droneci/drone dropbox duda duffel duply dwolla dynadot dynalist dynatrace dyspatch e2enetworks eagleeye easyinsight easypost ecostruxure edamam edenai eightxeight elastic/elasticsearch elasticemail elevenlabs
  enablex endorlabs enigma enphase envoy eraser etherscan ethplorer etsy eventbrite everhour exchangerate exotel exportsdk extractorapi facebook faceplusplus fastforex fastly fastspring faunadb fetchrss fibery figma fileio finage financialmodelingprep findl finicity finnhub fixer
  flatio fleetbase flexport flickr flightapi flightlabs flightstats float flowflu flutterwave fmfw foursquare frameio freshbooks freshdesk freshservice freshsales frontapp/front fulcrum fullcontact fullstory fxmarket gandi geckoboard gemini gengo geoapify geocode geocodify geocodio geoip geoipifi getambassador
  getcredly getemail getemails getgeoapi getgist getimg getpocket getresponse getsandbox ghost giphy gitbook github gitlab gitter glassnode glide gocanvas gocardless godaddy goodday google/gcp graceperiod grafana graphcms graphhopper grammarly greenhouse groovehq groq gtmetrix guardianapi gumroad guru gyazo
  happi happyscribe harness harvest hashicorp heatmapapi hellosign helpcrunch helpscout hereapi heroku hetzner highnote hightouch hiveage hiveworks holidayapi holistic honeybadger honeycomb host hotjar html2pdf hubspot huggingface humanity hunter hybiscus hypertrack ibm/watson iconfinder iexapis/iexcloud illumidesk imagekit imagga imgix
  impala infobip infura inspectlet instabot instagram instamojo intercom interseller intra42 intrinio invoiceocean ipapi ipdata ipgeolocation ipify ipinfo ipinfodb ipquality ipstack jdbc jenkins jira jotform jumpcloud jumpseller juro jupiterone kaggle kairos kaleyra kanban kanbantool karmacrm keenio keeper kickbox klaviyo klipfolio
  knapsackpro kontent kraken kucoin kylas lambdatest languagelayer larksuite launchdarkly leadfeeder leadzen lemlist lemonsqueezy lendflow lessannoyingcrm lexigram line linear linemessaging linenotify linkedin/linked_in linkpreview liveagent livestorm lob locationiq logglyy/loggly loggr loginradius logrocket logzio lokalise loopnet loyverse luno lunchmoney lusha
  madkudu magicbell magento magnetic mailboxlayer mailboxvalidator mailchimp mailerlite mailgun mailjet mailmodo mailsac mailtrap mandrill manifest mapbox mapquest marketstack mattermost mavenlink maxmind meaningcloud mediastack meilisearch meistertask meraki mesibo messagebird metaapi metabase metrilo microlink midise mindmeister miro mite mixmax mixpanel mockaroo moderation
  mojohelpdesk monday mongodb monkeylearn moonclerk moosend moralis mrticktock mux myexperiment myfreshworks myintervals nasdaq/nasdaqdatalink nethunt netcore netlify netsuite neutrino newrelic/new_relic newsapi newscatcher nexmo/vonage nftport ngc ngrok nicereply nightfall nimble nitro noticeable notion nozbe npm nubela numverify nutritionix nvidia nylas nytimes oanda okta omnisend
  onedesk onelogin oneuptime onesignal onepagecrm onfleet onwater oopspam openai opencage/opencagedata openexchange opengraph openrouter openuv openvpn openweather/openweathermap opsgenie optimizely orbit ossindex outbrain overloop owlbot packagecloud pagarme pagerduty paddle palantir pandadoc pandascore papyrs paralleldots parsehub parsers parseur partnerstack passbase pastebin
  paydirt paymo paymongo paypal paystack pdflayer pdfshift peopledatalabs pepipost percy perplexity photoroom phraseaccess/phrase pinata pinecone pingdom pipedream pipedrive pivotaltracker pixabay plaid planetscale planhat planviewleankit planyo plivo podio pollsapi poloniex polygon portainer positionstack postageapp postbacks posthog postman postmark powrbot prefect price2spy privacy private
  prodpad prospectcrm protocols proxycrawl pubnub pulumi purestake pushbullet pusher pushover qase qualaroo qualtrics qubole quickmetrics ramp rapidapi raven rawg razorpay reachmail readme reallysimple rebrandly recaptcha recharge recurly reddit redhat/redhatpyxis refiner remot rentman repairshopr replicate replyio/reply requestfinance resend restpack rev revamp ringcentral ritekit
  roaring robinhood rocketreach rollbar roninapp route4me rownd runpod runrunit saladcloud salesblink salescookie salesflare salesforce salesloft salesmate sanity satismeter saucelabs scalewaykey/scaleway scalingo scalr scrapeowl scraperapi scraperbox scraperstack scrapestack scrapfly scrapingant scrapingbee scrapin screenshotapi screenshotlayer scrutinizerci searchbox securitytrails segment selectpdf semaphore
  semrush sendbird sendgrid sendinblue sendpulse sendsafely sentiment sentry serpapi serpstack serphouse sheety sherpadesk shipday shippo shodan shopify shortcut shortio/shorten shotstack shutterstock sidekiq sigopt signable signalwire signaturit signupgenius sigma simfin simplesat simplybook simplynoted simvoly sinch sirv siteleaf skrapp skybiometry slack smartsheet smartystreet/smarty smooch snipcart snowflake snyk
  snapchat sonarcloud/sonarqube sonar sourcegraph southernapis/sparkpost speechtext splunk splunkobservability spoonacular sportradar sportsmonk spotify square squarespace squareup sslmate stability statuscake statuspage statuspal stitchdata stockdata storecove stormboard stormglass storyblok storychief strava streak stripe stripo stytch sugester sumologic/sumo supabase supernotes surge surveyanyplace surveybot surveysparrow survicate swell
  swiftype tableau tailscale takeoff talenox tallyfy tatum tavily taxjar teamgate teamviewer teamwork/teamworkcrm/teamworkdesk technicalanalysis tefter telegram teletype telnyx terraform testingbot textmagic theoddsapi thingsboard thinkific thousandeyes thunderforest ticketmaster ticktick tiingo timebase timecamp timekit timezoneapi tineye tly tmetric todoist tokeet tomorrowio toggl tomtom tradier transferwise travelpayouts travisci/travis trello trufflehog
  tru twelvedata twilio twitch twitter twist typeform typetalk tyntec ubidots uberall unify unplugg unsplash untappd upcdatabase uplead uploadcare uptimerobot upwave uservoice userflow userstack vagrant vatlayer vault vbout vercel verifier verimail veriphone versioneye viewneo virustotal visualcrossing voiceflow voicegain vouchery vpnapi vultr vyte walkscore wandb weatherbit weatherstack webex webflow webscraper
  webscraping websitepulse weightsandbiases whoxy wistia wit wiz woodpecker woopra woosmap wordnik workato workday workstack worldcoinindex worldweather wrike xero xai xata yahoo yandex yelp yodlee youneedabudget/ynab yousign youtube zapier zendesk zenkit zenrows zenscrape zenserp zeplin zerobounce zerotier zillow zipapi zipbooks zipcodeapi ziplines zohocrm/zoho zonkafeedback/zonka zoom zulip zuplo
  artificialanalysis anthropic claude mistral cerebras fireworks deepinfra anyscale langchain langsmith langfuse helicone portkey weaviate qdrant milvus zilliz chroma modal lambda coreweave togetherai voyageai jinaai nomic unstructured llamaindex exa serper firecrawl browserbase stackblitz cursor replit sendbird knock novu loops customer retool temporal prisma neon turso upstash railway render flyio koyeb northflank
  clickhouse timescale influxdb cockroachdb singlestore starburst dremio fivetran airbyte dbt hevo rudderstack heap statsig split flagsmith unleash growthbook configcat incidentio rootly firehydrant squadcast victorops/splunkoncall instatus cronitor healthchecks sematext coralogix lightstep instana scout raygun bugfender embrace crashlytics newfold rapid7 tenable qualys veracode checkmarx whitesource mend blackduck sonatype jfrog nexus quay harbor
  gitea gogs codeberg launchpad perforce phabricator gerrit concourse teamcity bamboo octopus spinnaker argocd flux buildbuddy nx bitrisekey appcenter testflight fastlane braintreepayments adyen mollie klarna afterpay affirm worldpay authorizenet cybersource payoneer wise revolut monzo starling mercury brex`
    .split(/\s+/)
    .filter((name) => name !== '')
    .map((name) => name.split('/'));

const ambiguous = new Set(
  'host line box close price private manifest commodities column moderation route protocols scout split exa rev drip buffer float guru harvest heap nimble polygon segment surge orbit render modal lambda knock loops customer rapid7 unify wit wise copper front linear square drift ghost glide raven sigma sonar swell happi collect2 chatbot sentiment verifier parsers cursor phrase impala manual mercury'.split(
    ' ',
  ),
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
